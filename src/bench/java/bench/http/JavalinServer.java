// SPDX-License-Identifier: Apache-2.0
package bench.http;

import io.javalin.Javalin;

/** The user service in Javalin, on virtual threads if the JDK has them. */
final class JavalinServer {
  private JavalinServer() {}

  public static void main(String... args) {
    Javalin.create(
            config -> {
              config.showJavalinBanner = false;
              config.useVirtualThreads = Runtime.version().feature() >= 24;
            })
        .get(
            "/user/{uid}",
            context -> {
              int uid = Integer.parseInt(context.pathParam("uid"));
              context.json(new KitServer.Answer(uid == 101 ? "jerry8081" : "guest8081"));
            })
        .start("127.0.0.1", Integer.parseInt(args[0]));
  }
}
