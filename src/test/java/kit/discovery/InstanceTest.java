// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.net.http.HttpRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import kit.LogSafe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InstanceTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # authority             | host            | port
          localhost:8081          | localhost       | 8081
          127.0.0.1:1             | 127.0.0.1       | 1
          users.example.com.:80   | users.example.com. | 80
          user-service-1:65535    | user-service-1  | 65535
          3com.example:80         | 3com.example    | 80
          [::]:80                 | ::              | 80
          [1::]:80                | 1::             | 80
          [1:2:3:4:5:6:7:8]:80    | 1:2:3:4:5:6:7:8 | 80
          [1:2:3:4:5:6:192.0.2.1]:80 | 1:2:3:4:5:6:192.0.2.1 | 80
          [::1]:8081              | ::1             | 8081
          [2001:DB8::7]:80        | 2001:DB8::7     | 80
          [::ffff:192.0.2.1]:80   | ::ffff:192.0.2.1 | 80
          """)
  void parsesWhatItPrints(String authority, String host, int port) {
    Instance instance = Instance.parse(authority);

    assertThat(instance).isEqualTo(Instance.of(host, port));
    assertThat(instance.host()).isEqualTo(host);
    assertThat(instance.port()).isEqualTo(port);
    assertThat(instance.tags()).isEmpty();
    assertThat(instance.meta()).isEmpty();
    assertThat(instance.authority()).isEqualTo(authority);
    assertThat(instance).hasToString(authority);
  }

  @Test
  void schemeIsHttpsOnlyIfTheMetadataHaveIt() {
    assertThat(Instance.of("a", 1).scheme()).isEqualTo("http");
    for (String scheme : List.of("https", "http", "ftp", "HTTPS", "")) {
      assertThat(new Instance("a", 1, List.of(), Map.of("scheme", scheme)).scheme())
          .isEqualTo(scheme.equals("https") ? "https" : "http");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "https://a:1, https, a:1",
    "http://[::1]:2, http, [::1]:2",
    "a:1, none, a:1",
  })
  void addressMayHaveAScheme(String address, String scheme, String authority) {
    assertThat(Instance.parseAddress(address).scheme("none")).isEqualTo(scheme);
    assertThat(Instance.parseAddress(address).authority()).isEqualTo(authority);
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://a", "ftp://a:1", "https://", "https://a:1/", "://a:1"})
  void addressWithAnythingElseIsRejected(String address) {
    assertThatIllegalArgumentException().isThrownBy(() -> Instance.parseAddress(address));
  }

  @Test
  void portMayHaveLeadingZeros() {
    assertThat(Instance.parse("localhost:00080").authority()).isEqualTo("localhost:80");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ":",
        "localhost",
        ":8081",
        "localhost:",
        "localhost:http",
        "localhost:-1",
        "localhost:+80",
        "localhost: 80",
        "localhost:80 ",
        "localhost:80\n",
        "localhost:0x50",
        "localhost:100000",
        "localhost:18446744073709551697",
        "localhost:\u0668\u0660", // 80 in Arabic digits
        "localhost:80/",
        "[::1]"
      })
  void rejectsTextThatIsNotHostAndPort(String authority) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Instance.parse(authority))
        .withMessage("not host:port: " + LogSafe.of(authority));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, 65_536, 99_999, Integer.MIN_VALUE, Integer.MAX_VALUE})
  void rejectsPortsOutOfRange(int port) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Instance.of("localhost", port))
        .withMessage("port not in 1..65535: " + port);
  }

  @ParameterizedTest
  @ValueSource(strings = {"localhost:0", "localhost:65536", "localhost:99999"})
  void parsingRejectsPortsOutOfRange(String authority) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Instance.parse(authority))
        .withMessageStartingWith("port not in 1..65535: ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"::1:80", "[::1:80", "::1]:80", "localhost:80,localhost:81"})
  void rejectsIpv6WithoutBrackets(String authority) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Instance.parse(authority))
        .withMessage("IPv6 address not in brackets: " + authority);
  }

  // What a host becomes part of: a URL, a header, a line of a log.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        " localhost",
        "local host",
        "local\thost",
        "localhost\r",
        "localhost\nX-Admin: 1",
        "local\u0000host",
        "local\u007fhost",
        "b\u00fccher.example",
        "localhost/admin",
        "http://localhost",
        "user@localhost",
        "localhost?a=b",
        "localhost#a",
        "[::1]",
        "[",
        "]",
        // What java.net.URI rejects would fail only when the instance is called.
        "local\\host",
        "local\"host",
        "local%host",
        "local,host",
        "<localhost>",
        "localhost:8081",
        "x::y",
        ":",
        "::1%",
        "::1%a/b",
        "my_service",
        "_http._tcp.example",
        "a..b",
        ".",
        ".a",
        "-a",
        "a-",
        "a-.example",
        "localhost.1",
        "127.1",
        "192.0.2.256",
        "192.0.2.1.2",
        "fe80::1%eth0",
        "fe80::1%25eth0",
        ":::",
        "1::2::3",
        "12345::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "::192.0.2.256"
      })
  void rejectsInvalidHosts(String host) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Instance.of(host, 80))
        .withMessageStartingWith("not a host: ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        " localhost:80",
        "localhost/admin:80",
        "user@localhost:80",
        "local\u0000host:80",
        "[]:80",
        "[[::1]]:80",
        "[:80",
        "]:80",
        "[localhost]:80",
        "[127.0.0.1]:80",
        "[localhost:8081]:80",
        "my_service:80",
        "a..b:80",
        "[fe80::1%eth0]:80"
      })
  void parsingRejectsInvalidHosts(String authority) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Instance.parse(authority))
        .withMessageStartingWith("not a host: ");
  }

  /** HttpClient decides; what it rejects must not be accepted as an instance. */
  @ParameterizedTest
  @ValueSource(
      strings = {"a", "a.b.", "A-1.b", "0x7f000001", "127.0.0.1", "::", "::1", "::ffff:192.0.2.1"})
  void everyInstanceAddressIsAValidRequestUri(String host) {
    Instance instance = Instance.of(host, 80);

    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://" + instance.authority() + "/a")).build();

    assertThat(request.uri().getAuthority()).isEqualTo(instance.authority());
    assertThat(request.uri().getPort()).isEqualTo(80);
  }

  @Test
  void messagesStayOnOneLine() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Instance.of("a\nINFO all is well", 80))
        .withMessage("not a host: a\\nINFO all is well");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Instance.parse("a:80\nINFO all is well"))
        .withMessage("not host:port: a:80\\nINFO all is well");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Instance.parse("a:b\nINFO all is well:80"))
        .withMessage("IPv6 address not in brackets: a:b\\nINFO all is well:80");
  }

  @Test
  void rejectsNull() {
    assertThatNullPointerException().isThrownBy(() -> Instance.of(null, 80)).withMessage("host");
    assertThatNullPointerException()
        .isThrownBy(() -> Instance.parse(null))
        .withMessage("authority");
    assertThatNullPointerException()
        .isThrownBy(() -> new Instance("localhost", 80, null, Map.of()));
    assertThatNullPointerException()
        .isThrownBy(() -> new Instance("localhost", 80, List.of(), null));
  }

  @Test
  void copiesTagsAndMeta() {
    List<String> tags = new ArrayList<>(List.of("primary", "eu"));
    Map<String, String> meta = new HashMap<>(Map.of("version", "1"));
    Instance instance = new Instance("localhost", 80, tags, meta);

    tags.clear();
    meta.clear();

    assertThat(instance.tags()).containsExactly("primary", "eu");
    assertThat(instance.meta()).containsExactly(Map.entry("version", "1"));
    assertThatThrownBy(() -> instance.tags().add("late"))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> instance.meta().put("late", "1"))
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void sameServerMayDescribeItselfAnew() {
    Instance before = new Instance("localhost", 80, List.of("blue"), Map.of());
    Instance after = new Instance("localhost", 80, List.of("green"), Map.of());

    assertThat(after).isNotEqualTo(before);
    assertThat(after.authority()).isEqualTo(before.authority());
  }
}
