// SPDX-License-Identifier: Apache-2.0
package kit.engine;

/** Status lines, with the reason phrases of RFC 9110, section 15. */
final class Status {
  private static final String[] LINES = new String[600];

  static {
    add(100, "Continue,Switching Protocols");
    add(200, "OK,Created,Accepted,Non-Authoritative Information,No Content,Reset Content");
    add(206, "Partial Content");
    add(300, "Multiple Choices,Moved Permanently,Found,See Other,Not Modified");
    add(307, "Temporary Redirect,Permanent Redirect");
    add(400, "Bad Request,Unauthorized,Payment Required,Forbidden,Not Found,Method Not Allowed");
    add(406, "Not Acceptable,Proxy Authentication Required,Request Timeout,Conflict,Gone");
    add(411, "Length Required,Precondition Failed,Content Too Large,URI Too Long");
    add(415, "Unsupported Media Type,Range Not Satisfiable,Expectation Failed");
    add(421, "Misdirected Request,Unprocessable Content");
    add(428, "Precondition Required,Too Many Requests,,Request Header Fields Too Large");
    add(500, "Internal Server Error,Not Implemented,Bad Gateway,Service Unavailable");
    add(504, "Gateway Timeout,HTTP Version Not Supported");
  }

  private Status() {}

  private static void add(int first, String phrases) {
    int status = first;
    for (String phrase : phrases.split(",")) {
      LINES[status] = "HTTP/1.1 " + status + " " + phrase + "\r\n";
      status++;
    }
  }

  /** Returns the status line of a response, with its end. */
  static String line(int status) {
    String known = status < LINES.length ? LINES[status] : null;
    return known == null ? "HTTP/1.1 " + status + " \r\n" : known;
  }
}
