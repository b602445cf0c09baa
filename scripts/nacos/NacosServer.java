// SPDX-License-Identifier: Apache-2.0
package nacos;

import com.alibaba.nacos.NacosServerBasicApplication;
import com.alibaba.nacos.NacosServerWebApplication;
import com.alibaba.nacos.core.listener.startup.NacosStartUp;
import com.alibaba.nacos.core.listener.startup.NacosStartUpManager;
import com.alibaba.nacos.sys.env.DeploymentType;
import com.alibaba.nacos.sys.env.EnvUtil;
import java.nio.file.Path;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;

/**
 * Runs a Nacos server, reachable by a Unix domain socket.
 *
 * <p>Some ports of Nacos are open to all addresses, so it runs in a network namespace of its own; a Unix
 * domain socket crosses namespaces. Arguments: the socket, the port, then those of Nacos.
 */
public final class NacosServer {
  private NacosServer() {}

  /** Starts the server; the process runs until it is killed. */
  public static void main(String[] args) throws Exception {
    Relay.fromUnixSocket(Path.of(args[0]), Integer.parseInt(args[1]));
    EnvUtil.setDeploymentType(DeploymentType.SERVER);
    NacosStartUpManager.start(NacosStartUp.CORE_START_UP_PHASE);
    var core =
        new SpringApplicationBuilder(NacosServerBasicApplication.class)
            .web(WebApplicationType.NONE)
            .run(args);
    NacosStartUpManager.start(NacosStartUp.WEB_START_UP_PHASE);
    new SpringApplicationBuilder(NacosServerWebApplication.class).parent(core).run(args);
  }
}
