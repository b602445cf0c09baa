// SPDX-License-Identifier: Apache-2.0
package testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kit.grpc.ProtobufReader;

/** A file of {@code src/main/proto}, read as far as the tests need it: to compare it with the code. */
public final class ProtoFile {
  private static final Pattern PACKAGE = Pattern.compile("package (\\S+);");
  private static final Pattern SERVICE = Pattern.compile("service (\\w+) \\{([^}]*)}");
  private static final Pattern RPC =
      Pattern.compile("rpc (\\w+)\\((\\w+)\\) returns \\(([\\w ]+)\\);");
  private static final Pattern MESSAGE = Pattern.compile("message (\\w+) \\{([^}]*)}");
  private static final Pattern FIELD = Pattern.compile("(int32|string) (\\w+) = (\\d+);");

  private final String text;

  private record Field(String name, String type) {}

  /** Reads a file. */
  public ProtoFile(String name) throws IOException {
    text = Files.readString(Path.of("src/main/proto", name)).replaceAll("(?m)//.*$", "");
  }

  /** Returns the paths of all methods. */
  public TreeSet<String> paths() {
    Matcher file = PACKAGE.matcher(text);
    file.find();
    TreeSet<String> paths = new TreeSet<>();
    for (Matcher service = SERVICE.matcher(text); service.find(); ) {
      for (Matcher rpc = RPC.matcher(service.group(2)); rpc.find(); ) {
        paths.add("/" + file.group(1) + "." + service.group(1) + "/" + rpc.group(1));
      }
    }
    return paths;
  }

  /** Returns the fields of a message, by their names in the file; fails on others. */
  public Map<String, Object> decode(String message, byte[] bytes) throws IOException {
    Map<Integer, Field> fields = fields(message);
    Map<String, Object> values = new TreeMap<>();
    for (ProtobufReader reader = new ProtobufReader(bytes); reader.next(); ) {
      Field field = fields.get(reader.field());
      if (field == null) {
        throw new IOException(message + " has no field " + reader.field());
      }
      Object value = field.type().equals("int32") ? reader.readInt32() : reader.readString();
      values.put(field.name(), value);
    }
    return values;
  }

  private Map<Integer, Field> fields(String name) {
    for (Matcher message = MESSAGE.matcher(text); message.find(); ) {
      if (message.group(1).equals(name)) {
        Map<Integer, Field> fields = new TreeMap<>();
        for (Matcher field = FIELD.matcher(message.group(2)); field.find(); ) {
          fields.put(Integer.valueOf(field.group(3)), new Field(field.group(2), field.group(1)));
        }
        return fields;
      }
    }
    throw new IllegalArgumentException("no message " + name);
  }
}
