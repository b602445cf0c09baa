// SPDX-License-Identifier: Apache-2.0
/**
 * The core (endpoints, middleware, contexts, errors, shutdown) and the map of all packages.
 *
 * <p>A microservice here has three layers. The <b>service</b> is plain Java and knows no HTTP. An
 * {@link kit.Endpoint} is one of its operations as a function from request to response. The
 * <b>transport</b> serves endpoints over HTTP and calls them. Everything else (rate limits,
 * retries, logs, metrics) is {@link kit.Middleware} around endpoints, on the server and on the
 * client alike.
 *
 * <pre>
 *   server   kit.http.server.HttpService -> RoutingHandler -> EndpointHandler -> endpoint -> service
 *
 *   client   kit.balancer.BalancedEndpoint -> kit.http.client.HttpEndpoint -> the wire
 *                  ^ instances
 *            kit.discovery.Instances  (kit.consul.ConsulInstances, a fixed list)
 * </pre>
 *
 * <p>Nouns are parts, gerunds are middleware. A <em>part</em> compiles alone: one file to copy.
 *
 * <pre>
 *   kit               the core: Context, Endpoint, Middleware, StatusException, PeerException
 *   kit.http          messages, routing and codecs; parts: Router, RequestTarget
 *   kit.http.server   the server side: HttpService
 *   kit.http.client   the client side of an endpoint: HttpEndpoint
 *   kit.http.proxy    ReverseProxy
 *   kit.http.jsonrpc  JSON-RPC 2.0: JsonRpc serves it, JsonRpcEndpoint calls it
 *   kit.engine        HTTP/1.1 engines beneath com.sun.net.httpserver and java.net.http:
 *                     EngineProvider, EngineClient
 *   kit.tls           TLS from PEM files: PemFile, ReloadingTls
 *   kit.http2         HTTP/2: HPACK, frames, streams, connections
 *   kit.grpc          gRPC: GrpcService serves it, GrpcEndpoint calls it;
 *                     parts: ProtobufWriter, ProtobufReader
 *   kit.thrift        Thrift: ThriftServer serves it, ThriftEndpoint calls it
 *   kit.balancer      client-side load balancing: BalancedEndpoint;
 *                     parts: RoundRobinPicker, WeightedRoundRobinPicker, RandomPicker,
 *                     LeastLoadedPicker
 *   kit.auth          authentication: JWT and HTTP Basic; parts: Jwt, KeyFile, PasswordFile
 *   kit.ratelimit     rate limiting: RateLimiting; part: TokenBucket
 *   kit.breaker       circuit breaking: CircuitBreaking; part: CircuitBreaker
 *   kit.command       commands as in Hystrix: breaker, concurrency limit, timeout and fallback
 *   kit.client        the complete client stack: ServiceClient
 *   kit.retry         retries: Retrying; parts: Backoff, RetryBudget
 *   kit.log           structured logging, logfmt and JSON; part: KeyValueLog
 *   kit.tracing       distributed tracing, W3C and Zipkin; part: TraceContext
 *   kit.metrics       metrics in Prometheus' text format; part: Metrics
 *   kit.discovery     discovery and registration: Instance, Instances, Services, Registration
 *   kit.consul        Consul; part: ConsulClient
 *   kit.consul.agent  an embedded, Consul-compatible agent for development: DevAgent
 *   kit.etcd          etcd over its JSON gateway; part: EtcdClient
 *   kit.nacos         Nacos 3 over its HTTP API; part: NacosClient
 *   kit.eureka        Eureka over its REST API; part: EurekaClient
 *   kit.zookeeper     ZooKeeper, with a session of its own; part: ZooKeeperClient
 *   kit.dns           discovery by DNS (SRV, A and AAAA records): DnsInstances
 *   kit.cli           command-line programs; part: Flags
 *   kit.registry      registries by URI: Registry, RegistryFlags
 * </pre>
 *
 * <p>Dependencies go one way: kit.registry to kit.consul to kit.discovery, kit.balancer to
 * kit.discovery, all of them to kit, which depends on no other package. A test enforces it.
 */
package kit;
