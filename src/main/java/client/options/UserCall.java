// SPDX-License-Identifier: Apache-2.0
package client.options;

/**
 * One call to the user service.
 *
 * @param method {@code GET} or {@code DELETE}
 * @param uid the number of the user, which the service validates
 */
public record UserCall(String method, String uid) {
  /** Returns the call that reads a user's name. */
  public static UserCall getName(String uid) {
    return new UserCall("GET", uid);
  }

  /** Returns the call that deletes a user. */
  public static UserCall delete(String uid) {
    return new UserCall("DELETE", uid);
  }

  String path() {
    return "/user/" + uid;
  }

  /** The request line with the template of the route in place of the path. */
  String template() {
    return method + " /user/{uid}";
  }

  /** The request line, as messages show it. */
  @Override
  public String toString() {
    return method + " " + path();
  }
}
