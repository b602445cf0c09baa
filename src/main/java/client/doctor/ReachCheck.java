// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import client.options.Failure;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import kit.Context;
import kit.PeerException;
import kit.discovery.Instance;
import kit.http.client.HttpEndpoint;
import kit.http.client.TlsFailure;

/**
 * Checks that each instance can be reached from here: connection, TLS or clear text as registered,
 * {@code /health}, {@code /ready}, and whether the instance that responds is the registered one.
 *
 * <p>Responses name no instance. The one hint is the result of a call: the user service adds its port to
 * each name. So another port is a warning only: a proxy may be in between.
 */
final class ReachCheck implements Check {
  private static final int THREADS = 8;
  private static final int MAX_INSTANCES = 50;
  private static final int MAX_REQUESTS = 6; // To one instance, with those of another scheme.

  /** Calls one instance with the transport of the command. */
  @FunctionalInterface
  interface Caller {
    /** Returns the result of the call. */
    String call(Instance instance) throws Exception;
  }

  private final HttpClient http;
  private final Predicate<Instance> isHttps;
  private final Duration timeout;
  private final boolean isHttp;
  private final Caller caller;

  /**
   * Creates a check.
   *
   * @param isHttps whether an instance is called over TLS
   * @param timeout of each request
   * @param isHttp whether the instances serve HTTP; others are only called
   */
  ReachCheck(
      HttpClient http,
      Predicate<Instance> isHttps,
      Duration timeout,
      boolean isHttp,
      Caller caller) {
    this.http = http;
    this.isHttps = isHttps;
    this.timeout = timeout;
    this.isHttp = isHttp;
    this.caller = caller;
  }

  @Override
  public List<Finding> run(Examination examination) throws InterruptedException {
    List<Callable<Finding>> probes = new ArrayList<>();
    List<Instance> callable = examination.callable();
    callable.stream().limit(MAX_INSTANCES).forEach(it -> probes.add(() -> probe(it)));
    List<Finding> findings = new ArrayList<>();
    ExecutorService threads = Executors.newFixedThreadPool(THREADS, ReachCheck::daemon);
    try {
      // A socket may block for longer than its timeouts: a peer can send single bytes.
      long rounds = 1 + probes.size() / THREADS;
      long limitNanos = rounds * MAX_REQUESTS * timeout.toNanos();
      List<Future<Finding>> results = threads.invokeAll(probes, limitNanos, TimeUnit.NANOSECONDS);
      for (int i = 0; i < results.size(); i++) {
        findings.add(
            results.get(i).isCancelled()
                ? Finding.fail(subject(callable.get(i)), "hangs", "see its log")
                : results.get(i).get());
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException("a probe failed: " + e.getCause(), e.getCause());
    } finally {
      threads.shutdownNow();
    }
    if (callable.size() > MAX_INSTANCES) {
      findings.add(Finding.skip("instances", callable.size() - MAX_INSTANCES + " more"));
    }
    return findings;
  }

  private static String subject(Instance instance) {
    return "instance " + instance.authority();
  }

  private static Thread daemon(Runnable task) {
    Thread thread = new Thread(task, "doctor-reach");
    thread.setDaemon(true);
    return thread;
  }

  private Finding probe(Instance instance) throws InterruptedException {
    String subject = subject(instance);
    String states = "";
    if (isHttp) {
      int health;
      int ready;
      try {
        health = status(instance, scheme(instance), "/health");
        ready = status(instance, scheme(instance), "/ready");
      } catch (PeerException e) {
        return unreachable(subject, instance, e);
      }
      states = "/health is " + health + ", /ready is " + ready;
      if (health == 400 && isOtherScheme(instance)) {
        return otherScheme(subject, instance);
      }
      if (health / 100 == 5 || ready / 100 == 5) {
        String advice = "it is starting, draining or broken: see its log";
        return Finding.fail(subject, states, advice);
      }
      states += ", ";
    }
    return identity(subject, instance, states);
  }

  private Finding unreachable(String subject, Instance instance, PeerException failure)
      throws InterruptedException {
    // A handshake that gets no response ends with the timeout of connecting.
    boolean mayBeConnected =
        failure.kind() != PeerException.Kind.NOT_CONNECTED || isHttps.test(instance);
    if (mayBeConnected && isOtherScheme(instance)) {
      return otherScheme(subject, instance);
    }
    if (TlsFailure.of(failure).isPresent()) {
      String advice = "see --ca-file and --client-cert, and the names in its certificate";
      return Finding.fail(subject, failure.getMessage(), advice);
    }
    String advice =
        switch (failure.kind()) {
          case NOT_CONNECTED -> "does it run, on this port, bound to this address, no firewall?";
          case TIMEOUT -> "it hangs, or a firewall drops packets";
          default -> "is this port that of an HTTP server?";
        };
    return Finding.fail(subject, failure.getMessage(), advice);
  }

  private Finding otherScheme(String subject, Instance instance) {
    boolean isTls = isHttps.test(instance);
    return Finding.fail(
        subject,
        isTls ? "registered as https, but serves http" : "registered as http, but serves TLS",
        "register the scheme that it serves");
  }

  /** Returns whether the port serves TLS although http is registered, or the reverse. */
  private boolean isOtherScheme(Instance instance) throws InterruptedException {
    if (!isHttps.test(instance)) {
      return TlsProbe.speaksTls(instance, timeout);
    }
    try {
      return status(instance, "http", "/health") != 400;
    } catch (PeerException e) {
      return false;
    }
  }

  private String scheme(Instance instance) {
    return isHttps.test(instance) ? "https" : "http";
  }

  /** Returns the status of a GET. */
  private int status(Instance instance, String scheme, String path) throws InterruptedException {
    URI base = URI.create(scheme + "://" + instance.authority());
    HttpEndpoint<String, Integer> endpoint =
        new HttpEndpoint<>(
            http,
            base,
            (context, at, request) -> HttpRequest.newBuilder(at.resolve(request)),
            (context, response) -> response.statusCode());
    try {
      return endpoint.call(Context.background().withTimeout(timeout), path);
    } catch (PeerException e) {
      if (e.kind() == PeerException.Kind.STATUS) {
        return e.status();
      }
      throw e;
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      throw PeerException.broken(instance.authority(), Failure.why(e), e);
    }
  }

  private Finding identity(String subject, Instance instance, String states)
      throws InterruptedException {
    String result;
    try {
      result = caller.call(instance);
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      boolean hasResponded = e instanceof PeerException peer && peer.status() > 0;
      String seen = states + "call failed: " + Failure.why(e);
      return hasResponded && ((PeerException) e).status() < 500
          ? Finding.ok(subject, seen)
          : Finding.fail(subject, seen, "see its log");
    }
    String seen = states + "responds as " + result;
    String port = result.replaceFirst("(?s).*?(\\d*)$", "$1");
    boolean isComparable = isHttp && !port.isEmpty(); // The name has the port of HTTP.
    return !isComparable || port.equals(Integer.toString(instance.port()))
        ? Finding.ok(subject, seen)
        : Finding.warn(subject, seen, "another port: is another instance behind this address?");
  }
}
