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
 * Runs calls of any kind behind a circuit breaker, a concurrency limit, a timeout and a fallback.
 *
 * <p>Use one command for each dependency, named after it. On a client of many instances, each of
 * which fails by itself, prefer a breaker per instance, with retries.
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
 *   all slots taken? -- yes -----> REJECTED --------+--> fallback, if there is one
 *         | no                                      |
 *   work, on another thread                         |
 *         +---- throws ----------> FAILURE ---------+
 *         +---- takes too long --> TIMEOUT ---------'
 *         +---- caller gives up -> CANCELLED
 *         '---- returns ---------> SUCCESS
 * }</pre>
 *
 * <p>A call ends in exactly one of these six ways. The breaker counts success, failure and timeout.
 * Not the others, which say nothing about the dependency: hystrix-go counts rejections, so that its
 * own limit opens its circuit. {@link #outcomeOf} defines which failures are the caller's own. A
 * timeout at the deadline that a caller of {@link #around} brought along is in {@link #counts}, but
 * the breaker ignores it: one impatient caller must not shut out the patient ones.
 *
 * <p>At the timeout, or when the caller is interrupted or cancels the future, the work is
 * interrupted and its caller goes on at once; what the work returns later is dropped. It <b>keeps
 * its slot until it has really ended</b>: work that ignores interruption piles up to {@code
 * maxConcurrent} and no further.
 *
 * <h2>Errors</h2>
 *
 * <p>Without a fallback: {@link ShortCircuitedException}, {@link RejectedException}, {@link
 * TimedOutException}, or what the work throws, as it is. A fallback gets that as its cause. When it
 * throws too, the result is {@link FallbackFailedException}, with both; a fallback that has no
 * answer for this cause throws the cause again, and that is passed on as it is. An {@link Error} is
 * a failure, but no fallback hides it. After an interruption there is no fallback either.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads. The work runs on a thread of the executor and sees no
 * thread-locals of its caller. A fallback runs once at most: on the caller's thread if the call was
 * refused or came by {@link #run}, else on a thread of the executor. It holds no slot, so it should
 * not block; one that calls another dependency is a case for another command. A command has no
 * thread of its own, and no timer: {@code run} waits on the caller's thread, {@code queue} uses the
 * timer of {@link CompletableFuture}.
 *
 * <p>Source: Hystrix and <a href="https://github.com/afex/hystrix-go">hystrix-go</a>, whose {@code
 * Do} and {@code Go} are {@code run} and {@code queue}.
 */
public final class Command {
  /** Answers when the work did not. Throws {@code cause} again if it has no answer for that one. */
  @FunctionalInterface
  public interface Fallback<R> {
    /** Answers instead; {@code cause} is what would have been thrown. */
    R answer(Exception cause) throws Exception;
  }

  /** How a call ends: in one of the first six ways. What its fallback did is counted on top. */
  public enum Event {
    /** The work returned in time. */
    SUCCESS,
    /** The work threw an exception or an error. */
    FAILURE,
    /** The work took too long. */
    TIMEOUT,
    /** The breaker was open, so the work did not begin. */
    SHORT_CIRCUITED,
    /** No slot or no thread was free, so the work did not begin. */
    REJECTED,
    /** The caller was interrupted or cancelled the future, or the work was interrupted. */
    CANCELLED,
    /** The fallback returned. */
    FALLBACK_SUCCESS,
    /** The fallback threw. */
    FALLBACK_FAILURE
  }

  /** Replaced as a whole, so that a call sees settings and breaker that belong together. */
  private record Setup(CommandSettings settings, CircuitBreaker breaker) {}

  // Shared by all commands that bring no executor: daemons, one for each call under way, kept for a
  // moment, because starting a thread costs more than handing work to one. No queue: a call that
  // waits for a thread would spend its timeout on that. The bound is each command's maxConcurrent.
  // Never shut down: it leaves nothing behind.
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
  private final Map<Event, LongAdder> counters = new EnumMap<>(Event.class); // Filled at once.
  private volatile Setup setup; // Written under this.

  /** Runs its work on daemon threads that all such commands share. */
  public Command(String name, CommandSettings settings) {
    this(name, settings, THREADS, Command::outcomeOf);
  }

  /**
   * Runs its work on {@code executor}, which the caller stops; {@code classifier} tells the breaker
   * which results and errors are failures; {@code Command::outcomeOf} if there is nothing to add.
   *
   * @param executor starts at once what it gets, on another thread: a pool without a queue, virtual
   *     threads. If it cannot, it throws {@link RejectedExecutionException}. Time spent in a queue
   *     would count as the work's, and answers after a timeout would wait there too.
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
    // false: a thread that serves many calls must not inherit the thread-locals of its first.
    Thread thread = new Thread(null, task, "command-" + THREAD_COUNT.incrementAndGet(), 0, false);
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Takes other settings for the calls that come from now on; those under way keep theirs. Unless
   * only {@code maxConcurrent} is different, a new breaker begins, closed and with nothing counted.
   * When there are more calls under way than slots, new ones are rejected until enough have ended.
   */
  public synchronized void configure(CommandSettings settings) {
    CircuitBreaker.Settings wanted = requireNonNull(settings, "settings").breaker(classifier);
    boolean isSame = setup != null && wanted.equals(setup.settings.breaker(classifier));
    CircuitBreaker breaker =
        isSame ? setup.breaker : new CircuitBreaker(wanted, nanoTime, change -> {});
    setup = new Setup(settings, breaker);
  }

  /** Returns the name that messages begin with. */
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

  /** Returns how many slots are taken: by all work that runs, even if its caller has gone on. */
  public int running() {
    return running.get();
  }

  void freeSlot() {
    running.decrementAndGet();
  }

  /**
   * Returns how often each event has happened since the command was made; all events are in it.
   *
   * <p>While calls run, the numbers may be a few calls apart. The map is the caller's own.
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
   * Answers by the work, within the timeout.
   *
   * @throws CommandException if the work was not begun, or not finished in time
   * @throws InterruptedException if the caller was interrupted; so was the work
   * @throws Exception what the work throws, as it is
   */
  public <R> R run(Callable<R> work) throws Exception {
    requireNonNull(work, "work");
    return runWithin(Context.background(), context -> work);
  }

  /**
   * Answers by the work, within the timeout, or else by the fallback.
   *
   * @throws CommandException if the fallback failed too, with both causes
   * @throws InterruptedException if the caller was interrupted; so was the work
   * @throws Exception what made the work fail, if the fallback throws it again
   */
  public <R> R run(Callable<R> work, Fallback<R> fallback) throws Exception {
    requireNonNull(work, "work"); // Here, or the fallback would answer this, too.
    requireNonNull(fallback, "fallback");
    return answer(() -> run(work), fallback);
  }

  /**
   * As {@link #run(Callable)}, without waiting. It never throws: a refused call is a failed future.
   * Cancelling this future, or completing it by hand, interrupts the work.
   */
  public <R> CompletableFuture<R> queue(Callable<R> work) {
    return queue(work, Optional.empty());
  }

  /** As {@link #run(Callable, Fallback)}, without waiting; see {@link #queue(Callable)}. */
  public <R> CompletableFuture<R> queue(Callable<R> work, Fallback<R> fallback) {
    return queue(work, Optional.of(requireNonNull(fallback, "fallback")));
  }

  /**
   * Makes a middleware of this command: {@code command::around}. Calls end at its timeout or at the
   * deadline of their context, whichever is first.
   *
   * <p>A call that was refused throws a {@link PeerException} of kind {@code REFUSED}, one that
   * took too long one of kind {@code TIMEOUT}; their cause is the {@link CommandException}.
   */
  public <Q, R> Endpoint<Q, R> around(Endpoint<Q, R> next) {
    requireNonNull(next, "next");
    return (context, request) -> call(next, context, request);
  }

  private <Q, R> R call(Endpoint<Q, R> next, Context caller, Q request) throws Exception {
    if (caller.remainingNanos() <= 0) {
      throw PeerException.timeout(null, null); // Its caller's fault, so the breaker has no part.
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

  /** Has the work done and waits for its end, at most until the timeout or the caller's deadline. */
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
          timer.cancel(false); // Else it would keep the execution until its time has come.
          execution.cancel(true);
        });
    return future;
  }

  /** Admits a call and has it executed, or refuses it. */
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
      throw new RejectedException(name, "all slots taken: " + slots);
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

  /** Answers by {@code call} or, if that throws, by the fallback. */
  private <R> R answer(Callable<R> call, Fallback<R> fallback) throws Exception {
    Exception cause;
    try {
      return call.call();
    } catch (InterruptedException e) {
      throw e; // The caller does not wait for an answer any more.
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
    // The JDK has one timer thread for the whole program: it must not run fallbacks.
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
        Thread.currentThread().interrupt(); // It was not the future that was cancelled.
      }
    }
  }

  /** Throws what a {@link Callable} has thrown: an exception or an error. */
  static <R> R rethrow(Throwable thrown) throws Exception {
    if (thrown instanceof Error error) {
      throw error;
    }
    throw (Exception) thrown;
  }

  /**
   * Classifies a call for the breaker, unless the command is given another classifier. Errors are
   * failures, but of {@link PeerException} and {@link StatusException} only those that {@link
   * CircuitBreaking#outcomeOf} counts: a 404 is none.
   */
  public static Outcome outcomeOf(Object result, Throwable error) {
    boolean isWrapped = error instanceof ExecutionException || error instanceof CompletionException;
    Throwable inner = isWrapped && error.getCause() != null ? error.getCause() : error;
    boolean hasStatus = inner instanceof PeerException || inner instanceof StatusException;
    return error == null || hasStatus ? CircuitBreaking.outcomeOf(result, inner) : Outcome.FAILURE;
  }
}
