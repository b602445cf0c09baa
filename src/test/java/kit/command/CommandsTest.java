// SPDX-License-Identifier: Apache-2.0
package kit.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import testing.Race;

class CommandsTest {
  private final Commands commands =
      new Commands(name -> new Command(name, CommandSettings.defaults()));

  @Test
  void allWhoAskForANameGetOneCommand() throws Exception {
    assertThat(Set.copyOf(Race.run(8, () -> commands.get("users")))).hasSize(1);
    assertThat(commands.get("users").name()).isEqualTo("users");
    assertThat(commands.get("orders")).isNotSameAs(commands.get("users"));
  }

  @Test
  void makingOneCommandMayAskForAnother() {
    // "Aa" and "BB" have one hash code, so a map that locked while it makes one would notice.
    AtomicReference<Commands> all = new AtomicReference<>();
    all.set(
        new Commands(
            name -> {
              CommandSettings settings =
                  name.equals("Aa")
                      ? all.get().get("BB").settings()
                      : CommandSettings.defaults().withMaxConcurrent(50);
              return new Command(name, settings);
            }));

    assertThat(all.get().get("Aa").settings().maxConcurrent()).isEqualTo(50);
    assertThat(all.get().all().keySet()).containsExactly("Aa", "BB");
  }

  @Test
  void configuringChangesTheCommandThatOthersHold() {
    Command held = commands.get("users");
    CommandSettings more = CommandSettings.defaults().withMaxConcurrent(50);

    assertThat(commands.configure("users", more)).isSameAs(held);
    assertThat(held.settings()).isEqualTo(more);
  }

  @Test
  void configuringAnUnknownNameMakesTheCommand() {
    CommandSettings more = CommandSettings.defaults().withMaxConcurrent(50);

    commands.configure("users", more);

    assertThat(commands.get("users").settings()).isEqualTo(more);
  }

  @Test
  void removedCommandGoesOnButIsForgotten() throws Exception {
    Command held = commands.get("users");

    assertThat(commands.remove("users")).isTrue();
    assertThat(commands.remove("users")).isFalse();

    assertThat(held.run(() -> "jerry")).isEqualTo("jerry");
    assertThat(commands.get("users")).isNotSameAs(held);
  }

  @Test
  void allAreListedByName() {
    commands.get("users");
    commands.get("orders");

    assertThat(commands.all().keySet()).containsExactly("orders", "users");
    commands.remove("orders");
    assertThat(commands.all().keySet()).containsExactly("users");
  }
}
