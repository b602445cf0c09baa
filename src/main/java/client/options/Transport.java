// SPDX-License-Identifier: Apache-2.0
package client.options;

import java.net.http.HttpClient;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import kit.Endpoint;
import kit.PeerException;
import kit.auth.JwtAuthenticating;
import kit.cli.CallTlsFlags;
import kit.cli.Flags;
import kit.cli.HttpEngine;
import kit.discovery.Instance;
import kit.http.client.HttpEndpoint;
import kit.tracing.Tracing;

/** The transport of calls to the user service: HTTP, JSON-RPC, gRPC or Thrift, as the flags choose. */
final class Transport {
  private final Supplier<Boolean> rpc;
  private final Supplier<Boolean> grpc;
  private final Supplier<Boolean> isPortShared;
  private final Supplier<Boolean> thrift;
  private final TokenFlags token;
  private final CallTlsFlags tls;
  private final Supplier<HttpEngine> engine;

  /** Declares the flags of all transports; {@code token} is sent along, but over Thrift. */
  Transport(Flags flags, TokenFlags token, CallTlsFlags tls, Supplier<HttpEngine> engine) {
    this.token = token;
    this.tls = tls;
    this.engine = engine;
    rpc = flags.optional("rpc", Flags.SWITCH, "false", "call over JSON-RPC: POST /rpc");
    grpc = flags.optional("grpc", Flags.SWITCH, "false", "call over gRPC; registered as NAME-grpc");
    isPortShared =
        flags.optional(
            "grpc-shared",
            Flags.SWITCH,
            "false",
            "gRPC is on the port of HTTP, registered as NAME");
    thrift =
        flags.optional(
            "thrift", Flags.SWITCH, "false", "call over Thrift; registered as NAME-thrift");
  }

  /**
   * Checks that the flags agree.
   *
   * @throws Flags.UsageException if they do not
   */
  void check() {
    refuse("--rpc and --grpc", rpc.get() && grpc.get());
    refuse("--rpc and --thrift", rpc.get() && thrift.get());
    refuse("--grpc and --thrift", grpc.get() && thrift.get());
    refuse("--thrift and --tls", thrift.get() && tls.isDefault());
    if (isPortShared.get() && !grpc.get()) {
      throw new Flags.UsageException("--grpc-shared: needs --grpc");
    }
  }

  private static void refuse(String flags, boolean areSet) {
    if (areSet) {
      throw new Flags.UsageException(flags + ": only one of them is allowed");
    }
  }

  /** Returns the name under which {@code service} is registered for this transport. */
  String registered(String service) {
    if (thrift.get()) {
      return service + "-thrift";
    }
    return grpc.get() && !isPortShared.get() ? service + "-grpc" : service;
  }

  /** Returns what a call is named in a trace. */
  String route(UserCall call) {
    if (grpc.get()) {
      return GrpcUserClient.path(call);
    }
    if (thrift.get()) {
      return ThriftUserClient.name(call);
    }
    return rpc.get() ? "POST /rpc" : call.template();
  }

  /**
   * Returns a function that returns the endpoint of an instance. An endpoint that is {@link
   * AutoCloseable} has to be closed.
   */
  Function<Instance, Endpoint<UserCall, String>> connector() {
    HttpEndpoint.Before authorize = JwtAuthenticating.sending(token);
    HttpEndpoint.Before before =
        (context, request) -> {
          authorize.before(context, request);
          Tracing.inject(context, request);
        };
    if (grpc.get()) {
      SSLContext context = tls.context();
      return it ->
          new GrpcUserClient(it, Optional.of(context).filter(on -> tls.isHttps(it)), before);
    }
    if (thrift.get()) {
      return it -> tls.isHttps(it) ? noThriftOverTls(it) : new ThriftUserClient(it);
    }
    HttpClient http = tls.newClient(engine.get());
    return rpc.get()
        ? it -> UserClient.rpcAt(tls.base(it), http, before)
        : it -> UserClient.at(tls.base(it), http).before(before);
  }

  private static Endpoint<UserCall, String> noThriftOverTls(Instance instance) {
    return (context, call) -> {
      throw PeerException.refused(
          instance.authority(), "Thrift is not called over TLS", null, null);
    };
  }
}
