// SPDX-License-Identifier: Apache-2.0
package springclient;

import java.util.stream.Collectors;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.cloud.client.discovery.DiscoveryClient;

/**
 * Registers with a Eureka server by Spring Cloud's client, without serving anything, and prints the
 * instances of a service that this client finds, whenever they change.
 *
 * <p>Arguments: the name of the service, then {@code --property=value} of Spring.
 */
@SpringBootConfiguration
@EnableAutoConfiguration
public class SpringClient {
  /** Runs until it is killed. */
  public static void main(String[] args) throws InterruptedException {
    SpringApplication application = new SpringApplication(SpringClient.class);
    application.setWebApplicationType(WebApplicationType.NONE);
    DiscoveryClient discovery = application.run(args).getBean(DiscoveryClient.class);
    String shown = "";
    while (true) {
      String found =
          discovery.getInstances(args[0]).stream()
              .map(it -> it.getUri() + " " + it.getMetadata().get("tags"))
              .sorted()
              .collect(Collectors.joining(", ", "found: ", ""));
      if (!found.equals(shown)) {
        System.out.println(found);
        shown = found;
      }
      Thread.sleep(100);
    }
  }
}
