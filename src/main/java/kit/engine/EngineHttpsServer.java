// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Objects;
import java.util.concurrent.Executor;

/** A server with TLS. */
final class EngineHttpsServer extends HttpsServer {
  private final Engine engine;

  EngineHttpsServer(EngineProvider provider) throws IOException {
    engine = new Engine(this, provider, true);
  }

  Engine engine() {
    return engine;
  }

  @Override
  public void bind(InetSocketAddress address, int backlog) throws IOException {
    engine.bind(address, backlog);
  }

  @Override
  public void start() {
    engine.start();
  }

  @Override
  public void setExecutor(Executor executor) {
    engine.executor(executor);
  }

  @Override
  public Executor getExecutor() {
    return engine.executor();
  }

  @Override
  public void stop(int delay) {
    engine.stop(delay);
  }

  @Override
  public HttpContext createContext(String path, HttpHandler handler) {
    return engine.createContext(path, Objects.requireNonNull(handler, "handler"));
  }

  @Override
  public HttpContext createContext(String path) {
    return engine.createContext(path, null);
  }

  @Override
  public void removeContext(String path) {
    engine.contexts().remove(path);
  }

  @Override
  public void removeContext(HttpContext context) {
    engine.contexts().remove(context.getPath());
  }

  @Override
  public InetSocketAddress getAddress() {
    return engine.address();
  }

  @Override
  public void setHttpsConfigurator(HttpsConfigurator configurator) {
    engine.tls(Objects.requireNonNull(configurator, "configurator"));
  }

  @Override
  public HttpsConfigurator getHttpsConfigurator() {
    return engine.tls();
  }
}
