// SPDX-License-Identifier: Apache-2.0
package testing;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionService;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Runs a task on many threads at the same time and collects the results:
 *
 * <pre>{@code
 * List<Boolean> admitted = Race.run(8, () -> bucket.tryAcquire());
 * }</pre>
 */
public final class Race {
  // A race of this size that takes longer hangs: the whole unit suite has about as much time.
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private Race() {}

  /** A task with the number of its thread, from 0. */
  @FunctionalInterface
  public interface NumberedTask<T> {
    /** Runs once on each thread. */
    T run(int thread) throws Exception;
  }

  /**
   * Runs the task once on each thread.
   *
   * @return the results, one for each thread
   * @throws Exception the first failure of the task, in time; AssertionError after 10 seconds
   */
  public static <T> List<T> run(int threads, Callable<T> task) throws Exception {
    return run(threads, LIMIT, thread -> task.call());
  }

  /**
   * Runs the task once on each thread.
   *
   * @return the results, in the order of the thread numbers
   * @throws Exception the first failure of the task, in time; AssertionError after 10 seconds
   */
  public static <T> List<T> runNumbered(int threads, NumberedTask<T> task) throws Exception {
    return run(threads, LIMIT, task);
  }

  static <T> List<T> run(int threads, Duration limit, NumberedTask<T> task) throws Exception {
    List<Thread> runners = new ArrayList<>();
    ExecutorService executor =
        Executors.newFixedThreadPool(
            threads,
            runnable -> {
              Thread runner = new Thread(runnable, "race-" + runners.size());
              runner.setDaemon(true); // one that hangs must not hold the JVM
              runners.add(runner);
              return runner;
            });
    try {
      CyclicBarrier start = new CyclicBarrier(threads);
      CompletionService<T> finished = new ExecutorCompletionService<>(executor);
      List<Future<T>> runs = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        int thread = i;
        runs.add(
            finished.submit(
                () -> {
                  start.await();
                  return task.run(thread);
                }));
      }
      long startedAtNanos = System.nanoTime();
      for (int done = 0; done < threads; done++) {
        long leftNanos = limit.toNanos() - (System.nanoTime() - startedAtNanos);
        Future<T> run = finished.poll(leftNanos, TimeUnit.NANOSECONDS);
        if (run == null) {
          throw hanging(limit, done, runners);
        }
        resultOf(run);
      }
      List<T> results = new ArrayList<>();
      for (Future<T> run : runs) {
        results.add(resultOf(run));
      }
      return results;
    } finally {
      executor.shutdownNow();
    }
  }

  private static <T> T resultOf(Future<T> run) throws Exception {
    try {
      return run.get();
    } catch (ExecutionException failure) {
      if (failure.getCause() instanceof Error error) {
        throw error;
      }
      throw (Exception) failure.getCause();
    }
  }

  /** Shows where the threads are, because that is the next question. */
  private static AssertionError hanging(Duration limit, int done, List<Thread> runners) {
    AssertionError hanging =
        new AssertionError(done + " of " + runners.size() + " threads finished within " + limit);
    for (Thread runner : runners) {
      Throwable place = new Throwable(runner.getName() + " is " + runner.getState());
      place.setStackTrace(runner.getStackTrace());
      hanging.addSuppressed(place);
    }
    return hanging;
  }
}
