// SPDX-License-Identifier: Apache-2.0
package bench.http;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.util.Arrays;

/**
 * Runs a server that knows nothing of this, and says for each line on stdin what it has cost so far:
 * nanoseconds of CPU, bytes allocated. Ends when stdin does.
 */
final class Measured {
  private Measured() {}

  /** Takes the name of the main class, and its arguments. */
  public static void main(String... args) throws Exception {
    Thread answers = new Thread(Measured::answer, "measured");
    Method main = Class.forName(args[0]).getDeclaredMethod("main", String[].class);
    main.setAccessible(true);
    answers.start();
    main.invoke(null, (Object) Arrays.copyOfRange(args, 1, args.length));
  }

  private static void answer() {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    try {
      while (lines.readLine() != null) {
        System.out.printf("cost %d %d%n", cpuNanos(), allocated());
      }
    } catch (IOException e) {
      System.err.println(e);
    }
    Runtime.getRuntime().halt(0);
  }

  /** Returns the CPU time of this process in nanoseconds. */
  static long cpuNanos() {
    var system =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return system.getProcessCpuTime();
  }

  /** Returns the bytes that all threads have allocated; 0 where the JDK (before 21) has no count. */
  static long allocated() {
    try {
      return (long)
          com.sun.management.ThreadMXBean.class
              .getMethod("getTotalThreadAllocatedBytes")
              .invoke(ManagementFactory.getThreadMXBean());
    } catch (ReflectiveOperationException e) {
      return 0;
    }
  }
}
