// SPDX-License-Identifier: Apache-2.0
package bench;

import com.google.common.util.concurrent.RateLimiter;
import io.github.bucket4j.Bucket;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import kit.ratelimit.TokenBucket;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;

/**
 * One permit, without waiting: from a limiter that always has some, and from one that has none for a
 * day. All of them read the clock, so the clock alone is the lower bound.
 */
@State(Scope.Benchmark)
public class TokenBucketBenchmark {
  // The highest rate that all of them accept; no caller reaches it.
  private static final int PER_SECOND = 1_000_000_000;

  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration DAY = Duration.ofDays(1);

  @Param({"kit", "clock alone", "Guava", "Bucket4j", "resilience4j", "failsafe"})
  public String library;

  private BooleanSupplier full;
  private BooleanSupplier empty;

  @Setup
  public void fillAndDrain() {
    full = limiter(PER_SECOND, SECOND);
    empty = limiter(1, DAY);
    if (!full.getAsBoolean() || !empty.getAsBoolean()) {
      throw new IllegalStateException(library + " refuses the first request");
    }
  }

  /** A limiter with so many permits per period, and as many at once. */
  private BooleanSupplier limiter(int permits, Duration period) {
    return switch (library) {
      case "kit" -> new TokenBucket(permits / seconds(period), permits)::tryAcquire;
      case "clock alone" -> () -> System.nanoTime() != 0;
      case "Guava" -> RateLimiter.create(permits / seconds(period))::tryAcquire;
      case "Bucket4j" -> {
        Bucket bucket =
            Bucket.builder()
                .addLimit(limit -> limit.capacity(permits).refillGreedy(permits, period))
                .build();
        yield () -> bucket.tryConsume(1);
      }
      case "resilience4j" -> {
        RateLimiterConfig config =
            RateLimiterConfig.custom()
                .limitForPeriod(permits)
                .limitRefreshPeriod(period)
                .timeoutDuration(Duration.ZERO)
                .build();
        yield io.github.resilience4j.ratelimiter.RateLimiter.of("bench", config)::acquirePermission;
      }
      case "failsafe" ->
          dev.failsafe.RateLimiter.burstyBuilder(permits, period).build()::tryAcquirePermit;
      default -> throw new IllegalArgumentException(library);
    };
  }

  private static double seconds(Duration period) {
    return period.toNanos() / 1e9;
  }

  @Benchmark
  public boolean admit() {
    return full.getAsBoolean();
  }

  @Benchmark
  @Threads(2)
  public boolean admitOnTwoThreads() {
    return full.getAsBoolean();
  }

  @Benchmark
  public boolean reject() {
    return empty.getAsBoolean();
  }

  @Benchmark
  @Threads(2)
  public boolean rejectOnTwoThreads() {
    return empty.getAsBoolean();
  }
}
