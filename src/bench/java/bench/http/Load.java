// SPDX-License-Identifier: Apache-2.0
package bench.http;

import java.io.IOException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Closed-loop load with wrk: {@code GET /user/101}. */
final class Load {
  private static final Pattern RATE = Pattern.compile("Requests/sec: +([0-9.]+)");
  private static final Pattern REQUESTS = Pattern.compile("([0-9]+) requests in ");
  private static final Pattern LATENCY = Pattern.compile("(50|99)% +([0-9.]+)(us|ms|s)");
  private static final Pattern TROUBLE = Pattern.compile("(Socket errors|Non-2xx).*");

  /** How it went. */
  record Result(double perSecond, long requests, double p50Millis, double p99Millis) {}

  private Load() {}

  static Result run(int port, int connections, int seconds) throws Exception {
    return run(port, "/user/101", connections, seconds);
  }

  static Result run(int port, String path, int connections, int seconds) throws Exception {
    List<String> command =
        List.of(
            "wrk",
            "-t1",
            "-c" + connections,
            "-d" + seconds + "s",
            "--latency",
            "--timeout",
            "20s", // It counts as a socket error what takes longer.
            "http://127.0.0.1:" + port + path);
    Process wrk = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(wrk.getInputStream().readAllBytes());
    if (wrk.waitFor() != 0 || TROUBLE.matcher(output).find()) {
      throw new IOException("port " + port + ": " + output);
    }
    return new Result(
        Double.parseDouble(matcher(RATE, output).group(1)),
        Long.parseLong(matcher(REQUESTS, output).group(1)),
        millis("50", output),
        millis("99", output));
  }

  private static double millis(String percentile, String output) throws IOException {
    Matcher latency = LATENCY.matcher(output);
    while (latency.find()) {
      if (latency.group(1).equals(percentile)) {
        String unit = latency.group(3);
        double inMillis = unit.equals("us") ? 1e-3 : unit.equals("ms") ? 1 : 1e3;
        return Double.parseDouble(latency.group(2)) * inMillis;
      }
    }
    throw new IOException("cannot make sense of " + output);
  }

  private static Matcher matcher(Pattern pattern, String output) throws IOException {
    Matcher matcher = pattern.matcher(output);
    if (!matcher.find()) {
      throw new IOException("cannot make sense of " + output);
    }
    return matcher;
  }
}
