// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Mutated conversations on connections in memory, from JDK 24 on: the engine answers exactly the
 * requests that an independent reader finds. {@code -Dkit.fuzz=1000000} sets their number.
 */
@Timeout(600)
class MutatedRequestsTest {
  private static final int COUNT = Integer.getInteger("kit.fuzz", 20_000);
  private static final EngineSettings SETTINGS = EngineSettings.defaults().withHead(1024, 6);

  private final ErrorLog errors = new ErrorLog();
  private final ExecutorService threads = Threads.newExecutor(1);
  private Engine engine;

  @BeforeEach
  void create() throws IOException {
    EngineProvider provider = new EngineProvider(SETTINGS);
    engine = new Engine(provider.createHttpServer(null, 0), provider, false);
    engine.createContext("/", new EchoHandler());
  }

  @AfterEach
  void stop() {
    engine.stop(0);
    threads.shutdownNow();
    errors.close();
  }

  @Test
  void exactlyTheWellFormedRequestsAreAnswered() throws Exception {
    int complete = threads.submit(this::runAll).get(590, TimeUnit.SECONDS);
    assertThat(complete).isBetween(COUNT / 10, COUNT * 9 / 10);
    assertThat(errors.texts()).isEmpty();
  }

  private int runAll() throws IOException {
    Mutations mutations = new Mutations(1);
    int complete = 0;
    for (int i = 0; i < COUNT; i++) {
      String sent = mutations.next();
      MemoryChannel channel =
          new MemoryChannel(sent, i % 2 == 0 ? most -> most : mutations::pieceLength);
      new Connection(engine, channel).run();
      assertThat(channel.isOpen()).isFalse();

      Reference reference = new Reference(sent, SETTINGS);
      List<String> answers = EchoHandler.answers(channel.received());
      int expected = reference.echoes().size();
      if (reference.isComplete()) {
        complete++;
        assertThat(answers).as(sent).isEqualTo(reference.echoes());
      } else {
        assertThat(answers).as(sent).hasSizeBetween(expected, expected + 1);
        assertThat(answers.subList(0, expected)).as(sent).isEqualTo(reference.echoes());
        assertThat(answers.subList(expected, answers.size())).as(sent).allMatch(this::isRejection);
      }
    }
    return complete;
  }

  private boolean isRejection(String answer) {
    return answer.matches("4\\d\\d|50[15]");
  }
}
