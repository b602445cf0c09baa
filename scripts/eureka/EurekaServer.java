// SPDX-License-Identifier: Apache-2.0
package eureka;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.netflix.eureka.server.EnableEurekaServer;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.web.SecurityFilterChain;

/**
 * Runs a Eureka server. With {@code --spring.security.user.name} and {@code
 * --spring.security.user.password}, it requires basic authentication.
 */
@SpringBootApplication
@EnableEurekaServer
public class EurekaServer {
  /** Starts the server; the process runs until it is killed. */
  public static void main(String[] args) {
    SpringApplication.run(EurekaServer.class, args);
  }

  @Bean
  SecurityFilterChain security(HttpSecurity http, Environment environment) throws Exception {
    boolean isSecured = environment.containsProperty("spring.security.user.name");
    http.csrf(csrf -> csrf.disable());
    http.httpBasic(Customizer.withDefaults());
    http.authorizeHttpRequests(
        requests -> {
          if (isSecured) {
            requests.anyRequest().authenticated();
          } else {
            requests.anyRequest().permitAll();
          }
        });
    return http.build();
  }
}
