// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLHandshakeException;
import kit.etcd.EtcdClient;
import kit.etcd.EtcdClient.Entry;
import kit.etcd.EtcdClient.EtcdException;
import kit.etcd.EtcdClient.Event;
import kit.etcd.EtcdClient.Listing;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Engine;
import testing.EtcdServer;
import testing.Eventually;
import testing.TestCertificate;

/** EtcdClient with a real etcd; skipped without one, see {@link EtcdServer}. */
@Timeout(60)
class EtcdClientIT {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private record Access(String user, String password) {
    EtcdClient client(List<URI> endpoints, Duration timeout) {
      return new EtcdClient(endpoints, Engine.newHttpClient(), timeout).withUser(user, password);
    }
  }

  private static final Access ANONYMOUS = new Access("", "");
  private static EtcdServer shared;

  private final String folder = "/test/" + UUID.randomUUID() + "/";
  private final String key = folder + "a";
  private EtcdServer own; // Of a test that changes or stops the server.
  private EtcdClient etcd;

  @BeforeEach
  void connect() throws Exception {
    if (shared == null) { // Not @BeforeAll: without etcd, each test is to be seen as skipped.
      shared = EtcdServer.start();
    }
    etcd = new EtcdClient(List.of(shared.uri()), Engine.newHttpClient(), Duration.ofSeconds(3));
  }

  @AfterEach
  void stopOwn() throws Exception {
    if (own != null) {
      own.close();
    }
  }

  @AfterAll
  static void stopShared() throws Exception {
    if (shared != null) {
      shared.close();
    }
  }

  /** Watches the folder of the test in the background, each change as a line. */
  private CompletableFuture<Boolean> watch(long revision, Duration atMost, List<String> heard) {
    CompletableFuture<Boolean> end = new CompletableFuture<>();
    new Thread(
            () -> {
              try {
                end.complete(
                    etcd.watch(
                        folder,
                        revision,
                        atMost,
                        events -> {
                          events.forEach(event -> heard.add(shown(event)));
                          return !heard.contains("end=");
                        }));
              } catch (Exception e) {
                end.completeExceptionally(e);
              }
            })
        .start();
    return end;
  }

  private String shown(Event event) {
    String name = event.entry().key().substring(folder.length());
    return event.isDeletion() ? "-" + name : name + "=" + event.entry().value();
  }

  @Test
  void keyExistsUntilItIsDeleted() throws Exception {
    assertThat(etcd.get(key)).isEmpty();
    etcd.put(key, "1", 0);
    etcd.put(key, "2", 0);

    Entry entry = etcd.get(key).get();
    assertThat(entry.value()).isEqualTo("2");
    assertThat(entry.lease()).isZero();
    assertThat(entry.revision()).isPositive();

    shared.delete(key);
    shared.delete(key);
    assertThat(etcd.get(key)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "\"{}\n\\", "straße", "日本語", "😀", "%2F", "", "a/../b", "\u0000"})
  void anyTextIsAKeyAndAValue(String text) throws Exception {
    etcd.put(folder + text, text, 0);

    assertThat(etcd.get(folder + text).map(Entry::value)).contains(text);
    assertThat(etcd.list(folder + text).entries()).extracting(Entry::key).contains(folder + text);
  }

  @Test
  void listsKeysWithThePrefixOnly() throws Exception {
    String prefix = folder + "web/";
    for (String name : List.of("web/b", "web/a", "web/a/c", "web", "webs/a", "wea", "web0")) {
      etcd.put(folder + name, name, 0);
    }

    Listing listing = etcd.list(prefix);

    assertThat(listing.entries())
        .extracting(Entry::value)
        .containsExactly("web/a", "web/a/c", "web/b");
    assertThat(listing.revision()).isEqualTo(etcd.get(folder + "web0").get().revision());
    assertThat(etcd.list(folder + "none/").entries()).isEmpty();
  }

  @Test
  void keysExpireWithTheirLease() throws Exception {
    long lease = etcd.grant(Duration.ofMinutes(1));
    etcd.put(key, "1", lease);
    assertThat(etcd.get(key).get().lease()).isEqualTo(lease);
    assertThat(etcd.keepAlive(lease)).isEqualTo(Duration.ofMinutes(1));

    etcd.revoke(lease);
    etcd.revoke(lease);

    assertThat(etcd.get(key)).isEmpty();
    assertThat(etcd.keepAlive(lease)).isZero();
    assertThatThrownBy(() -> etcd.put(key, "1", lease))
        .isInstanceOfSatisfying(EtcdException.class, e -> assertThat(e.code()).isEqualTo(5))
        .hasMessageContaining("404 etcdserver: requested lease not found");
  }

  @Test
  void leaseEndsUnlessItIsKeptAlive() throws Exception {
    long lease = etcd.grant(Duration.ofMillis(1_001)); // 2 s, also the least that etcd grants.
    etcd.put(key, "1", lease);

    Eventually.within(Duration.ofSeconds(10), () -> assertThat(etcd.get(key)).isEmpty());

    assertThat(etcd.keepAlive(lease)).isZero();
  }

  @Test
  void watchReportsEachChangeFromTheRevisionOn() throws Exception {
    etcd.put(key, "before", 0);
    etcd.put(key, "0", 0);
    long revision = etcd.get(key).get().revision();
    List<String> lines = new CopyOnWriteArrayList<>();

    CompletableFuture<Boolean> end = watch(revision, Duration.ofSeconds(3), lines);
    etcd.put(key, "1", 0);
    etcd.put("/test/elsewhere", "1", 0);
    etcd.put(folder + "b", "2", 0);
    shared.delete(key);

    Eventually.within(
        Duration.ofSeconds(2), () -> assertThat(lines).containsExactly("a=0", "a=1", "b=2", "-a"));
    assertThat(end.get(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void watchFromACompactedRevisionReportsCompaction() throws Exception {
    own = EtcdServer.start();
    etcd = new EtcdClient(List.of(own.uri()), Engine.newHttpClient(), Duration.ofSeconds(3));
    etcd.put(key, "1", 0);
    etcd.put(key, "2", 0);
    long revision = etcd.list(folder).revision();
    own.post("/v3/kv/compaction", "{\"revision\":\"" + revision + "\"}");

    assertThat(etcd.watch(folder, revision - 1, SECOND, events -> true)).isFalse();
    assertThat(etcd.watch(folder, revision, SECOND, events -> true)).isTrue();
  }

  @Test
  void watchEndsWhenTheListenerReturnsFalse() throws Exception {
    etcd.put(folder + "end", "", 0);

    assertThat(
            watch(1, Duration.ofMinutes(1), new CopyOnWriteArrayList<>()).get(10, TimeUnit.SECONDS))
        .isTrue();
  }

  @Test
  void watchEndsWithEtcd() throws Exception {
    own = EtcdServer.start();
    etcd = new EtcdClient(List.of(own.uri()), Engine.newHttpClient(), Duration.ofSeconds(3));
    List<String> heard = new CopyOnWriteArrayList<>();
    CompletableFuture<Boolean> end = watch(1, Duration.ofMinutes(1), heard);
    etcd.put(key, "1", 0);
    Eventually.within(Duration.ofSeconds(5), () -> assertThat(heard).hasSize(1));

    own.kill();

    assertThatThrownBy(() -> end.get(10, TimeUnit.SECONDS)).hasCauseInstanceOf(IOException.class);
  }

  @Test
  void interruptedWatchEndsAtOnce() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CompletableFuture<Exception> end = new CompletableFuture<>();
    etcd.put(key, "1", 0);
    Thread watching =
        new Thread(
            () -> {
              try {
                etcd.watch(
                    folder,
                    1,
                    Duration.ofMinutes(1),
                    events -> {
                      begun.countDown();
                      return true;
                    });
              } catch (Exception e) {
                end.complete(e);
              }
            });
    watching.start();
    assertThat(begun.await(10, TimeUnit.SECONDS)).isTrue();

    watching.interrupt();

    assertThat(end.get(10, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
  }

  @Test
  void whatAListenerThrowsEndsTheWatch() throws Exception {
    etcd.put(key, "1", 0);
    RuntimeException thrown = new IllegalStateException("as it should be in this test");

    assertThatThrownBy(
            () ->
                etcd.watch(
                    folder,
                    1,
                    Duration.ofMinutes(1),
                    events -> {
                      throw thrown;
                    }))
        .isSameAs(thrown);
  }

  @Test
  void usersNeedTheirPasswordAndARestartedEtcdANewToken() throws Exception {
    own = EtcdServer.start();
    EtcdClient app = client(new Access("app", "p:@w"));
    app.put(key, "1", 0); // Users are not enabled yet.
    own.enableUsers("app", "p:@w", "/test/");

    assertThat(app.list(folder).entries()).hasSize(1);
    app.put(key, "2", app.grant(Duration.ofMinutes(1)));
    assertThat(app.watch(folder, 1, SECOND, events -> true)).isTrue();

    own.restart(); // Tokens are not kept.
    assertThat(app.get(key).map(Entry::value)).contains("2");

    assertThatThrownBy(() -> app.list("/other/"))
        .isInstanceOfSatisfying(EtcdException.class, e -> assertThat(e.code()).isEqualTo(7))
        .hasMessageEndingWith("403 etcdserver: permission denied");
    assertThatThrownBy(() -> app.watch("/other/", 1, SECOND, events -> true))
        .isInstanceOf(EtcdException.class)
        .hasMessageContaining("permission denied");
    assertThatThrownBy(() -> client(ANONYMOUS).list(folder))
        .isInstanceOf(EtcdException.class)
        .hasMessageContaining("user name is empty");
    assertThatThrownBy(() -> client(new Access("app", "wrong")).list(folder))
        .isInstanceOf(EtcdException.class)
        .hasMessageContaining("invalid user ID or password")
        .hasMessageNotContaining("wrong");
  }

  private EtcdClient client(Access access) {
    return access.client(own.uris(), Duration.ofSeconds(5));
  }

  @Test
  void httpsTrustsTheGivenCertificatesOnly() throws Exception {
    own = EtcdServer.startWithTls();

    new EtcdClient(
            own.uris(),
            HttpClient.newBuilder().sslContext(TestCertificate.trusting(own.certificate())).build(),
            Duration.ofSeconds(5))
        .put(key, "1", 0);

    assertThatThrownBy(() -> client(ANONYMOUS).get(key)).isInstanceOf(SSLHandshakeException.class);
  }

  @Test
  void anotherMemberRespondsForADeadOrStoppedOne() throws Exception {
    own = EtcdServer.startCluster();
    EtcdClient cluster = client(ANONYMOUS);
    cluster.put(key, "1", 0);

    own.kill(0);
    // If it was the leader, the other members elect a new one first.
    Eventually.within(Duration.ofSeconds(20), () -> cluster.put(key, "2", 0));

    own.restart();
    own.signal(1, "STOP");
    // Another election, perhaps, and one member has just started.
    Eventually.within(Duration.ofSeconds(20), () -> cluster.get(key));
    List<URI> members = new ArrayList<>(own.uris());
    for (int i = 0; i < members.size(); i++) {
      Collections.rotate(members, 1); // Each member is called first once.
      EtcdClient client = ANONYMOUS.client(members, Duration.ofSeconds(5));
      assertThat(client.get(key).map(Entry::value)).contains("2");
    }
    own.signal(1, "CONT");
  }

  @Test
  void memberWithoutAQuorumFailsAWatch() throws Exception {
    own = EtcdServer.startCluster();
    etcd = new EtcdClient(List.of(own.uri()), Engine.newHttpClient(), Duration.ofSeconds(3));
    etcd.put(key, "1", 0);
    List<String> heard = new CopyOnWriteArrayList<>();
    CompletableFuture<Boolean> end = watch(1, Duration.ofMinutes(1), heard);
    Eventually.within(Duration.ofSeconds(5), () -> assertThat(heard).hasSize(1));

    own.kill(1);
    own.kill(2);

    assertThatThrownBy(() -> end.get(20, TimeUnit.SECONDS))
        .hasCauseInstanceOf(EtcdException.class)
        .hasMessageContaining("no leader");
    assertThatThrownBy(() -> etcd.put(key, "2", 0)).isInstanceOf(IOException.class);
  }
}
