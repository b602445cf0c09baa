// SPDX-License-Identifier: Apache-2.0
package kit.command;

import static java.util.Objects.requireNonNull;

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
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.StatusException;
import kit.breaker.CircuitBreaker;
import kit.breaker.CircuitBreaker.Outcome;
import kit.breaker.CircuitBreaking;
import kit.command.CommandCounts.Event;
import kit.command.CommandException.FallbackFailedException;
import kit.command.CommandException.RejectedException;
import kit.command.CommandException.ShortCircuitedException;
import kit.command.CommandException.TimedOutException;

/**
 * Answers in time, whatever happens to the work: calls that take too long are given up, too many at
 * once are refused, what keeps failing is left alone, and a fallback answers instead.
 *
 * <p>Use one for each thing that is called, under the name of that thing. On a client of many
 * instances, each of which fails by itself, prefer a breaker per instance, with retries.
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
 *   breaker open? ----- yes -----> shortCircuited --.
 *         | no                                      |
 *   all slots taken? -- yes -----> rejected --------+--> fallback, if there is one
 *         | no                                      |
 *   work, on another thread                         |
 *         +---- throws ----------> failure ---------+
 *         +---- takes too long --> timeout ---------'
 *         +---- caller gives up -> cancelled
 *         '---- returns ---------> success
 * }</pre>
 *
 * <p>A call ends in exactly one of these six ways. The breaker counts success, failure and
 * timeout. Not the rest, which say nothing about the thing called: hystrix-go counts rejections,
 * so that its own limit opens its circuit. {@link #outcomeOf} says which failures are the caller's
 * own. A timeout at the deadline that a caller of {@link #around} brought along is in {@link
 * #counts}, but the breaker ignores it: one impatient caller must not shut out the patient ones.
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
 * not block; one that calls somebody else is a case for another command. A command has no thread of
 * its own, and no timer: {@code run} waits on the caller's thread, {@code queue} uses that of
 * {@link CompletableFuture}.
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

  /** Replaced as a whole, so that a call sees settings and breaker that belong together. */
  private record Setup(CommandSettings settings, CircuitBreaker breaker) {}

  // Of all commands that bring no executor: daemons, as many as there are calls, kept for a moment,
  // because starting a thread costs more than handing work to one. No queue: a call that waits for
  // a
  // thread would spend its timeout on that. What bounds them is each command's maxConcurrent.
  private static final int KEPT_SECONDS = 1;
  private static final AtomicLong THREAD_COUNT = new AtomicLong();
  static final Executor THREADS = // Never shut down: it leaves nothing behind.
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
  private final CommandCounts.Counter counter = new CommandCounts.Counter();
  private volatile Setup setup; // Written under this.

  /** Runs its work on daemon threads that all such commands share. */
  public Command(String name, CommandSettings settings) {
    this(name, settings, THREADS, Command::outcomeOf);
  }

  private static Thread newThread(Runnable task) {
    // false: a thread that serves many calls must not inherit the thread-locals of its first.
    Thread thread = new Thread(null, task, "command-" + THREAD_COUNT.incrementAndGet(), 0, false);
    thread.setDaemon(true);
    return thread;
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
    configure(settings);
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

  /** Its name. */
  public String name() {
    return name;
  }

  /** The settings for new calls. */
  public CommandSettings settings() {
    return setup.settings;
  }

  /** The breaker for new calls, to look at it, or to force it open; see {@link #configure}. */
  public CircuitBreaker breaker() {
    return setup.breaker;
  }

  /** How many slots are taken: by work that runs, whether or not anybody still waits for it. */
  public int running() {
    return running.get();
  }

  /** How many calls have ended how so far. */
  public CommandCounts counts() {
    return counter.counts();
  }

  /**
   * Answers by the work, within the timeout.
   *
   * @throws CommandException if the work was not begun, or not finished in time
   * @throws InterruptedException if the caller was interrupted; so was the work
   * @throws Exception what the work throws, as it is
   */
  public <R> R run(Callable<R> work) throws Exception {
    Setup now = setup;
    Context context = Context.background().withTimeout(now.settings.timeout());
    return start(now, work, ended -> {}).await(context.remainingNanos(), Context.background());
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
    return answer(requireNonNull(fallback, "fallback")).of(() -> run(work));
  }

  /**
   * As {@link #run(Callable)}, without waiting. It never throws: a refused call is a failed future.
   * Cancelling this future, or completing it by hand, interrupts the work.
   */
  public <R> CompletableFuture<R> queue(Callable<R> work) {
    return queue(work, answer(null));
  }

  /** As {@link #run(Callable, Fallback)}, without waiting; see {@link #queue(Callable)}. */
  public <R> CompletableFuture<R> queue(Callable<R> work, Fallback<R> fallback) {
    return queue(work, answer(requireNonNull(fallback, "fallback")));
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

  private <Q, R> R call(Endpoint<Q, R> next, Context outer, Q request) throws Exception {
    if (outer.remainingNanos() <= 0) {
      throw PeerException.timeout(null, null); // Its caller's fault, so the breaker has no part.
    }
    Setup now = setup;
    Context context = outer.withTimeout(now.settings.timeout());
    try {
      return start(now, () -> next.call(context, request), ended -> {})
          .await(context.remainingNanos(), outer);
    } catch (ShortCircuitedException e) {
      throw PeerException.refused(null, e.getMessage(), e.retryAfter().orElse(null), e);
    } catch (RejectedException e) {
      throw PeerException.refused(null, e.getMessage(), null, e);
    } catch (TimedOutException e) {
      throw PeerException.timeout(null, e);
    }
  }

  private <R> CompletableFuture<R> queue(Callable<R> work, Completion<R> answer) {
    CompletableFuture<R> future = new CompletableFuture<>();
    Setup now = setup;
    Execution<R> call;
    try {
      call = start(now, work, ended -> answer.complete(future, ended));
    } catch (CommandException refused) {
      answer.complete(
          future,
          () -> {
            throw refused;
          });
      return future;
    }
    CompletableFuture<Void> timer = new CompletableFuture<>();
    timer.thenRun(call::timeOut);
    timer.completeOnTimeout(null, now.settings.timeout().toNanos(), TimeUnit.NANOSECONDS);
    future.whenComplete(
        (result, error) -> {
          timer.cancel(false); // Else it would keep the call until its time has come.
          call.cancel();
        });
    return future;
  }

  /** Lets a call in and has it run, or refuses it. */
  private <R> Execution<R> start(Setup now, Callable<R> work, Consumer<Execution<R>> whenEnded) {
    requireNonNull(work, "work");
    CircuitBreaker.Permit permit;
    try {
      permit = now.breaker.acquire();
    } catch (CircuitBreaker.OpenException e) {
      counter.count(Event.SHORT_CIRCUITED);
      throw new ShortCircuitedException(name, e);
    }
    int slots = now.settings.maxConcurrent();
    if (running.getAndUpdate(taken -> taken < slots ? taken + 1 : taken) >= slots) {
      permit.ignored();
      throw rejected("all slots taken: " + slots, null);
    }
    Execution<R> call =
        new Execution<>(name, work, permit, counter, running::decrementAndGet, whenEnded);
    try {
      executor.execute(call);
    } catch (RejectedExecutionException | OutOfMemoryError e) {
      call.abandon(); // OutOfMemoryError is also what a JVM says that gets no more threads.
      throw rejected("no thread is free", e);
    }
    return call;
  }

  private RejectedException rejected(String detail, Throwable cause) {
    counter.count(Event.REJECTED);
    return new RejectedException(name, detail, cause);
  }

  private <R> Completion<R> answer(Fallback<R> fallback) {
    return new Completion<>(name, counter, executor, fallback);
  }

  /**
   * Says what a call means to the breaker, unless the command is given another classifier. Errors
   * are failures, but of {@link PeerException} and {@link StatusException} only those that {@link
   * CircuitBreaking#outcomeOf} counts: a 404 is none.
   */
  public static Outcome outcomeOf(Object result, Throwable error, long elapsedNanos) {
    boolean isWrapped = error instanceof ExecutionException || error instanceof CompletionException;
    Throwable inner = isWrapped && error.getCause() != null ? error.getCause() : error;
    boolean saysWho = inner instanceof PeerException || inner instanceof StatusException;
    return error == null || saysWho
        ? CircuitBreaking.outcomeOf(result, inner, elapsedNanos)
        : Outcome.FAILURE;
  }
}
