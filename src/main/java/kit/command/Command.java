// SPDX-License-Identifier: Apache-2.0
package kit.command;

import static java.util.Objects.requireNonNull;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.StatusException;
import kit.breaker.CircuitBreaker;
import kit.breaker.CircuitBreaker.Outcome;
import kit.breaker.CircuitBreaking;
import kit.command.CommandException.FallbackFailedException;
import kit.command.CommandException.RejectedException;
import kit.command.CommandException.ShortCircuitedException;
import kit.command.CommandException.TimedOutException;

/**
 * Runs calls with a circuit breaker, a concurrency limit, a timeout and a fallback, as Hystrix
 * does.
 *
 * <p>Use one command per dependency, named after it. For a service with several instances, prefer a
 * breaker per instance, with retries.
 *
 * <pre>{@code
 * Command users = new Command("users", CommandSettings.defaults());
 *
 * String name = users.run(() -> client.getName(101), cause -> "guest");
 * CompletableFuture<String> later = users.queue(() -> client.getName(101), cause -> "guest");
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <pre>{@code
 *   breaker open? ----- yes -----> SHORT_CIRCUITED -.
 *         | no                                      |
 *   all slots in use? - yes -----> REJECTED --------+--> fallback, if there is one
 *         | no                                      |
 *   work, on another thread                         |
 *         +---- throws ----------> FAILURE ---------+
 *         +---- times out -------> TIMEOUT ---------'
 *         +---- caller gives up -> CANCELLED
 *         '---- returns ---------> SUCCESS
 * }</pre>
 *
 * <p>A call has exactly one of these six results. The breaker counts success, failure and timeout.
 * It does not count the others, which are independent of the dependency: hystrix-go counts
 * rejections, so that its own limit opens its circuit. {@link #outcomeOf} defines which exceptions
 * are failures. A timeout at the deadline of a caller of {@link #around} is in {@link #counts}, but
 * the breaker ignores it: callers with short deadlines must not open it for the others.
 *
 * <p>At the timeout, or when the caller is interrupted or cancels the future, the work is
 * interrupted and its caller continues at once; a later result is dropped. The work <b>keeps its
 * slot until it has ended</b>: work that ignores interruption accumulates up to {@code
 * maxConcurrent}.
 *
 * <h2>Errors</h2>
 *
 * <p>Without a fallback: {@link ShortCircuitedException}, {@link RejectedException}, {@link
 * TimedOutException}, or the exception of the work, unchanged. A fallback gets it as its cause. If
 * the fallback throws, too, the result is {@link FallbackFailedException}, with both; a fallback
 * rethrows its cause to have it thrown unchanged. An {@link Error} is a failure, but is not passed
 * to a fallback. There is no fallback after an interruption.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. The work runs on a thread of the executor and does not see the thread-locals of
 * its caller. A fallback runs at most once: on the caller's thread if the call was rejected or made
 * by {@link #run}, else on a thread of the executor. It holds no slot, so it should not block; a
 * fallback that calls another dependency should use another command. A command has no thread and no
 * timer of its own: {@code run} waits on the caller's thread, {@code queue} uses the timer of
 * {@link CompletableFuture}.
 *
 * <p>Source: Hystrix and <a href="https://github.com/afex/hystrix-go">hystrix-go</a>, whose {@code
 * Do} and {@code Go} are {@code run} and {@code queue}.
 */
public final class Command {
  /** Returns a result in place of failed work. */
  @FunctionalInterface
  public interface Fallback<R> {
    /** Returns the result to use; rethrows {@code cause} if there is none for it. */
    R answer(Exception cause) throws Exception;
  }

  /** Result of a call: one of the first six. The result of its fallback is counted in addition. */
  public enum Event {
    /** The work returned in time. */
    SUCCESS,
    /** The work threw an exception or an error. */
    FAILURE,
    /** The work timed out. */
    TIMEOUT,
    /** The breaker was open; the work did not start. */
    SHORT_CIRCUITED,
    /** No slot or no thread was free; the work did not start. */
    REJECTED,
    /** The caller was interrupted or cancelled the future, or the work was interrupted. */
    CANCELLED,
    /** The fallback returned. */
    FALLBACK_SUCCESS,
    /** The fallback threw. */
    FALLBACK_FAILURE
  }

  /** Settings with their breaker, replaced together. */
  private record Setup(CommandSettings settings, CircuitBreaker breaker) {}

  // Shared by all commands without an executor: daemon threads, one per running call, kept for a
  // moment, because starting a thread costs more than reusing one. No queue: a call that waits for
  // a thread would use up its timeout. The limit is each command's maxConcurrent. Never shut down:
  // idle threads end.
  private static final int KEPT_SECONDS = 1;
  private static final AtomicLong THREAD_COUNT = new AtomicLong();
  static final Executor THREADS =
      new ThreadPoolExecutor(
          0,
          Integer.MAX_VALUE,
          KEPT_SECONDS,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          Command::newThread);

  private final String name;
  private final Executor executor;
  private final CircuitBreaker.Classifier classifier;
  private final LongSupplier nanoTime;
  private final AtomicInteger running = new AtomicInteger();
  // Filled in the constructor.
  private final Map<Event, LongAdder> counters = new EnumMap<>(Event.class);
  private volatile Setup setup; // Written under this.

  /** Creates a command whose work runs on daemon threads, which all such commands share. */
  public Command(String name, CommandSettings settings) {
    this(name, settings, THREADS, Command::outcomeOf);
  }

  /**
   * Creates a command whose work runs on {@code executor}, which the caller stops; {@code
   * classifier} decides which results and errors are failures, usually {@code Command::outcomeOf}.
   *
   * @param executor starts tasks at once on other threads, or throws {@link
   *     RejectedExecutionException}: a pool without a queue, or virtual threads. Time in a queue
   *     would count towards the timeout
   */
  public Command(
      String name,
      CommandSettings settings,
      Executor executor,
      CircuitBreaker.Classifier classifier) {
    this(name, settings, executor, classifier, System::nanoTime);
  }

  Command(
      String name,
      CommandSettings settings,
      Executor executor,
      CircuitBreaker.Classifier classifier,
      LongSupplier nanoTime) {
    this.name = requireNonNull(name, "name");
    this.executor = requireNonNull(executor, "executor");
    this.classifier = requireNonNull(classifier, "classifier");
    this.nanoTime = requireNonNull(nanoTime, "nanoTime");
    for (Event event : Event.values()) {
      counters.put(event, new LongAdder());
    }
    configure(settings);
  }

  private static Thread newThread(Runnable task) {
    // false: a reused thread must not inherit the thread-locals of its first caller.
    Thread thread = new Thread(null, task, "command-" + THREAD_COUNT.incrementAndGet(), 0, false);
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Changes the settings for new calls; running calls keep theirs. Unless only {@code
   * maxConcurrent} is different, there is a new, closed breaker. While there are more running calls
   * than slots, new ones are rejected.
   */
  public synchronized void configure(CommandSettings settings) {
    CircuitBreaker.Settings wanted = requireNonNull(settings, "settings").breaker(classifier);
    boolean isSame = setup != null && wanted.equals(setup.settings.breaker(classifier));
    CircuitBreaker breaker =
        isSame ? setup.breaker : new CircuitBreaker(wanted, nanoTime, change -> {});
    setup = new Setup(settings, breaker);
  }

  /** Returns the name, which is in messages. */
  public String name() {
    return name;
  }

  /** Returns the settings for new calls. */
  public CommandSettings settings() {
    return setup.settings;
  }

  /** Returns the breaker for new calls, for its state; see {@link #configure}. */
  public CircuitBreaker breaker() {
    return setup.breaker;
  }

  /** Returns the number of slots in use, by all running work, also after its caller timed out. */
  public int running() {
    return running.get();
  }

  void freeSlot() {
    running.decrementAndGet();
  }

  /**
   * Returns the number of each event since the command was created; all events are present.
   *
   * <p>While calls run, the numbers may be a few calls apart. The map is a copy.
   */
  public Map<Event, Long> counts() {
    Map<Event, Long> counts = new EnumMap<>(Event.class);
    counters.forEach((event, counter) -> counts.put(event, counter.sum()));
    return counts;
  }

  void count(Event event) {
    counters.get(event).increment();
  }

  /**
   * Returns the result of the work, within the timeout.
   *
   * @throws CommandException if the work did not start or timed out
   * @throws InterruptedException if the caller was interrupted; so was the work
   * @throws Exception what the work throws, as it is
   */
  public <R> R run(Callable<R> work) throws Exception {
    requireNonNull(work, "work");
    return runWithin(Context.background(), context -> work);
  }

  /**
   * Returns the result of the work, within the timeout, or of the fallback.
   *
   * @throws CommandException if the fallback failed, too, with both causes
   * @throws InterruptedException if the caller was interrupted; so was the work
   * @throws Exception the failure of the work, if the fallback rethrows it
   */
  public <R> R run(Callable<R> work, Fallback<R> fallback) throws Exception {
    requireNonNull(work, "work"); // Here, or the fallback would answer this, too.
    requireNonNull(fallback, "fallback");
    return answer(() -> run(work), fallback);
  }

  /**
   * As {@link #run(Callable)}, without waiting. It never throws: a rejected call is a failed
   * future. Cancelling this future, or completing it by hand, interrupts the work.
   */
  public <R> CompletableFuture<R> queue(Callable<R> work) {
    return queue(work, Optional.empty());
  }

  /** As {@link #run(Callable, Fallback)}, without waiting; see {@link #queue(Callable)}. */
  public <R> CompletableFuture<R> queue(Callable<R> work, Fallback<R> fallback) {
    return queue(work, Optional.of(requireNonNull(fallback, "fallback")));
  }

  /**
   * Uses this command as a middleware: {@code command::around}. Calls time out at its timeout or at
   * the deadline of their context, whichever is first.
   *
   * <p>A rejected call throws a {@link PeerException} of kind {@code REFUSED}, one that timed out
   * one of kind {@code TIMEOUT}; their cause is the {@link CommandException}.
   */
  public <Q, R> Endpoint<Q, R> around(Endpoint<Q, R> next) {
    requireNonNull(next, "next");
    return (context, request) -> call(next, context, request);
  }

  private <Q, R> R call(Endpoint<Q, R> next, Context caller, Q request) throws Exception {
    if (caller.remainingNanos() <= 0) {
      throw PeerException.timeout(null, null); // Of the caller: not counted by the breaker.
    }
    try {
      return runWithin(caller, context -> () -> next.call(context, request));
    } catch (ShortCircuitedException e) {
      throw PeerException.refused(null, e.getMessage(), e.retryAfter().orElse(null), e);
    } catch (RejectedException e) {
      throw PeerException.refused(null, e.getMessage(), null, e);
    } catch (TimedOutException e) {
      throw PeerException.timeout(null, e);
    }
  }

  /** Runs the work and waits for its end, at most until the timeout or the caller's deadline. */
  private <R> R runWithin(Context caller, Function<Context, Callable<R>> work) throws Exception {
    Setup now = setup;
    Context context = caller.withTimeout(now.settings.timeout());
    Execution<R> execution = start(now, work.apply(context), ended -> {});
    return execution.await(context.remainingNanos(), caller);
  }

  private <R> CompletableFuture<R> queue(Callable<R> work, Optional<Fallback<R>> fallback) {
    requireNonNull(work, "work");
    Setup now = setup;
    CompletableFuture<R> future = new CompletableFuture<>();
    Execution<R> execution;
    try {
      execution = start(now, work, ended -> complete(future, ended, fallback));
    } catch (CommandException refused) {
      complete(future, () -> rethrow(refused), fallback);
      return future;
    }

    CompletableFuture<Void> timer = new CompletableFuture<>();
    timer.thenRun(execution::timeOut);
    timer.completeOnTimeout(null, now.settings.timeout().toNanos(), TimeUnit.NANOSECONDS);
    future.whenComplete(
        (result, error) -> {
          timer.cancel(false); // Else it would hold the execution until its timeout.
          execution.cancel(true);
        });
    return future;
  }

  /** Admits a call and executes it, or rejects it. */
  private <R> Execution<R> start(Setup now, Callable<R> work, Consumer<Execution<R>> whenEnded) {
    CircuitBreaker.Permit permit;
    try {
      permit = now.breaker.acquire();
    } catch (CircuitBreaker.OpenException e) {
      count(Event.SHORT_CIRCUITED);
      throw new ShortCircuitedException(name, e);
    }
    int slots = now.settings.maxConcurrent();
    if (running.getAndUpdate(taken -> taken < slots ? taken + 1 : taken) >= slots) {
      permit.report(Outcome.IGNORED);
      count(Event.REJECTED);
      throw new RejectedException(name, "all slots in use: " + slots);
    }
    Execution<R> execution = new Execution<>(this, work, permit, whenEnded);
    try {
      executor.execute(execution);
    } catch (RejectedExecutionException
        | OutOfMemoryError e) { // Also: the JVM has no more threads.
      execution.abandon();
      count(Event.REJECTED);
      throw new RejectedException(name, "no thread is free", e);
    }
    return execution;
  }

  /** Returns the result of {@code call} or, if that throws, of the fallback. */
  private <R> R answer(Callable<R> call, Fallback<R> fallback) throws Exception {
    Exception cause;
    try {
      return call.call();
    } catch (InterruptedException e) {
      throw e; // The caller does not wait any more.
    } catch (Exception e) {
      cause = e;
    }
    Event event = Event.FALLBACK_FAILURE;
    try {
      R answer = fallback.answer(cause);
      event = Event.FALLBACK_SUCCESS;
      return answer;
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      throw e == cause ? e : new FallbackFailedException(name, cause, e);
    } finally {
      count(event);
    }
  }

  /** Completes the future of a queued call on the thread that ended the call, if that may block. */
  private <R> void complete(
      CompletableFuture<R> future, Execution<R> ended, Optional<Fallback<R>> fallback) {
    Callable<R> call = () -> ended.await(0, Context.background());
    if (!ended.isLate()) {
      complete(future, call, fallback);
      return;
    }
    // The JDK's single timer thread must not run fallbacks.
    try {
      executor.execute(() -> complete(future, call, fallback));
    } catch (RejectedExecutionException | OutOfMemoryError noThread) {
      complete(future, call, fallback.map(unused -> cause -> rethrow(noThread)));
    }
  }

  private <R> void complete(
      CompletableFuture<R> future, Callable<R> call, Optional<Fallback<R>> fallback) {
    try {
      future.complete(fallback.isPresent() ? answer(call, fallback.get()) : call.call());
    } catch (Throwable e) {
      if (future.completeExceptionally(e) && e instanceof InterruptedException) {
        Thread.currentThread().interrupt(); // The future was not cancelled.
      }
    }
  }

  /** Rethrows the exception or error of a {@link Callable}. */
  static <R> R rethrow(Throwable thrown) throws Exception {
    if (thrown instanceof Error error) {
      throw error;
    }
    throw (Exception) thrown;
  }

  /**
   * Classifies a call for the breaker, unless the command is given another classifier. Exceptions
   * are failures; of {@link PeerException} and {@link StatusException} only those that {@link
   * CircuitBreaking#outcomeOf} counts: a 404 is not one.
   */
  public static Outcome outcomeOf(Object result, Throwable error) {
    boolean isWrapped = error instanceof ExecutionException || error instanceof CompletionException;
    Throwable inner = isWrapped && error.getCause() != null ? error.getCause() : error;
    boolean hasStatus = inner instanceof PeerException || inner instanceof StatusException;
    return error == null || hasStatus ? CircuitBreaking.outcomeOf(result, inner) : Outcome.FAILURE;
  }
}
