// SPDX-License-Identifier: Apache-2.0
package docs;

import java.io.IOException;
import java.lang.reflect.Member;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The names that a page may use: existing classes, files, flags and commands. */
final class Names {
  private static final List<String> SOURCES = List.of("src/main/java", "src/test/java");
  private static final List<String> FOLDERS = List.of("", "src/main/java", "src/test/java");
  private static final List<String> JDK =
      List.of(
          "java.lang",
          "java.io",
          "java.net",
          "java.net.http",
          "java.time",
          "java.util",
          "java.util.concurrent",
          "java.util.concurrent.atomic",
          "com.sun.net.httpserver");
  private static final Set<String> BUILT =
      Set.of("target/kit.jar", "target/client.jar", "target/user-service.jar");

  private static final Pattern FLAG = Pattern.compile("(?<![\\w-])--([a-z][a-z-]*[a-z])(?![\\w-])");
  private static final Pattern OTHER_TOOL = Pattern.compile("(etcdctl|consul|curl|mvn) .*");
  private static final Pattern VARIABLE = Pattern.compile("\\bKIT_[A-Z_]+\\b");
  private static final Pattern COMMAND = Pattern.compile("client\\.jar ([a-z][a-z-]*)");
  private static final Pattern OURS =
      Pattern.compile("\\b(?:kit|userservice|client)(?:\\.[a-z]+)*\\.[A-Z]\\w*(?:\\.\\w+)*");
  private static final Pattern CLASS =
      Pattern.compile("([A-Z]\\w*[a-z]\\w*)((?:\\.\\w+)*)(\\(.*)?");
  private static final Pattern FILE =
      Pattern.compile(
          "(?:scripts|docs|src|target|kit|userservice|client|testing|tour|it|rules)/[\\w./-]*");

  // Methods of Flags, and the flags of scripts.
  private static final Pattern FLAG_DEFINED =
      Pattern.compile("(?:required|optional|secret)\\(\\s*\"([a-z-]+)\"");
  private static final Pattern USER_FLAGS_DEFINED =
      Pattern.compile("UserSettings\\.declare\\(\\w+, \"([a-z]+)\"");
  private static final Pattern TLS_FLAGS_DEFINED =
      Pattern.compile("TlsSettings\\.declare\\(\\w+, \"([a-z]+)\"");
  private static final Pattern TYPE_DEFINED =
      Pattern.compile("(?:class|record|interface|enum) ([A-Z]\\w*)");
  private static final Pattern SCRIPT_FLAG = Pattern.compile("--([a-z][a-z-]+)");
  private static final Pattern COMMAND_DEFINED = Pattern.compile("case \"([a-z-]+)\"");

  private final Map<String, List<String>> classes = new TreeMap<>(); // Simple name -> full names.
  private final Set<String> flags = new TreeSet<>();
  private final Set<String> commands = new TreeSet<>();
  private final StringBuilder code = new StringBuilder();

  Names() throws IOException {
    for (String folder : SOURCES) {
      for (Path file : filesIn(folder)) {
        String name = Page.root().resolve(folder).relativize(file).toString();
        if (name.endsWith(".java")) {
          addTypes(name.replace(".java", "").replace('/', '.'), Files.readString(file));
        }
      }
    }
    for (Path file : filesIn("src/main/java")) {
      String text = Files.readString(file);
      code.append(text);
      addAll(FLAG_DEFINED, text, flags);
      addKinds(USER_FLAGS_DEFINED, text, List.of("-user", "-user-file"));
      addKinds(TLS_FLAGS_DEFINED, text, List.of("-ca-file", "-client-cert", "-client-key"));
    }
    for (Path file : filesIn("scripts")) {
      addAll(SCRIPT_FLAG, Files.readString(file), flags);
    }
    flags.add("help");
    Path main = Page.root().resolve("src/main/java/client/Main.java");
    addAll(COMMAND_DEFINED, Files.readString(main), commands);
  }

  /** Adds the class of a file and its nested classes. */
  private void addTypes(String full, String text) {
    String simple = full.substring(full.lastIndexOf('.') + 1);
    Set<String> found = new TreeSet<>(Set.of(simple));
    addAll(TYPE_DEFINED, text, found);
    for (String type : found) {
      String name = type.equals(simple) ? full : full + "." + type;
      classes.computeIfAbsent(type, key -> new ArrayList<>()).add(name);
    }
  }

  /** Adds the flags of each kind of registry. */
  private void addKinds(Pattern declaration, String text, List<String> endings) {
    Set<String> kinds = new TreeSet<>();
    addAll(declaration, text, kinds);
    for (String kind : kinds) {
      endings.forEach(ending -> flags.add(kind + ending));
    }
  }

  private static List<Path> filesIn(String folder) throws IOException {
    try (Stream<Path> files = Files.walk(Page.root().resolve(folder))) {
      return files.filter(Files::isRegularFile).sorted().toList();
    }
  }

  private static void addAll(Pattern pattern, String text, Set<String> found) {
    pattern.matcher(text).results().map(match -> match.group(1)).forEach(found::add);
  }

  /** Returns the unknown names in a piece of code; {@code others} are names of other projects. */
  List<String> unknownIn(String span, Set<String> others) {
    List<String> unknown = new ArrayList<>();
    matches(FLAG, span)
        .filter(flag -> !flags.contains(flag.group(1)) && !OTHER_TOOL.matcher(span).matches())
        .forEach(flag -> unknown.add("flag " + flag.group()));
    matches(VARIABLE, span)
        .map(MatchResult::group)
        .filter(name -> !isVariable(name))
        .forEach(name -> unknown.add("variable " + name));
    matches(COMMAND, span)
        .filter(command -> !commands.contains(command.group(1)))
        .forEach(command -> unknown.add("command " + command.group()));
    matches(OURS, span)
        .map(MatchResult::group)
        .filter(name -> !isClass(name))
        .forEach(name -> unknown.add("class " + name));
    matches(FILE, span)
        .map(MatchResult::group)
        .filter(name -> span.startsWith(name) && !isFile(name))
        .forEach(name -> unknown.add("file " + name));
    var bare = CLASS.matcher(span);
    if (bare.matches() && !others.contains(span) && !others.contains(bare.group(1))) {
      List<String> full = new ArrayList<>(classes.getOrDefault(bare.group(1), List.of()));
      JDK.forEach(name -> full.add(name + "." + bare.group(1)));
      if (full.stream().noneMatch(name -> isClass(name + bare.group(2)))) {
        unknown.add("class " + span);
      }
    }
    return unknown;
  }

  private static Stream<MatchResult> matches(Pattern pattern, String span) {
    return pattern.matcher(span).results();
  }

  private boolean isVariable(String name) {
    String flag = name.substring("KIT_".length()).toLowerCase(Locale.ROOT).replace('_', '-');
    return flags.contains(flag) || code.indexOf('"' + name + '"') >= 0;
  }

  private static boolean isFile(String name) {
    return BUILT.contains(name)
        || FOLDERS.stream()
            .map(folder -> Page.root().resolve(folder).resolve(name))
            .anyMatch(path -> Files.exists(path) || Files.exists(Path.of(path + ".java")));
  }

  /** Whether this is a class, or a member of a class. */
  private static boolean isClass(String name) {
    Class<?> type = load(name);
    int dot = name.lastIndexOf('.');
    if (type != null || dot < 0) {
      return type != null;
    }
    String member = name.substring(dot + 1);
    Class<?> owner = load(name.substring(0, dot));
    if (owner == null) {
      return false;
    }
    return Stream.<Member[]>of(
            owner.getDeclaredMethods(), owner.getDeclaredFields(), owner.getMethods())
        .flatMap(Stream::of)
        .anyMatch(one -> one.getName().equals(member));
  }

  private static Class<?> load(String name) {
    for (String binary = name; ; ) {
      try {
        return Class.forName(binary, false, Names.class.getClassLoader());
      } catch (ClassNotFoundException e) {
        int dot = binary.lastIndexOf('.');
        if (dot < 0) {
          return null;
        }
        binary = binary.substring(0, dot) + '$' + binary.substring(dot + 1); // Possibly nested.
      }
    }
  }
}
