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
import kit.thrift.ThriftCodec;
import kit.thrift.ThriftReader;
import kit.thrift.ThriftType;

/** A file of {@code src/main/thrift}, read as far as the tests need it: to compare it with the code. */
public final class ThriftFile {
  private static final Pattern METHOD =
      Pattern.compile("string (\\w+)\\(([^)]*)\\) throws \\(([^)]*)\\)");
  private static final Pattern EXCEPTION = Pattern.compile("exception (\\w+) \\{([^}]*)}");
  private static final Pattern FIELD = Pattern.compile("(\\d+): (\\w+) (\\w+)");

  private final String text;

  private record Field(String type, String name) {}

  /** Reads a file. */
  public ThriftFile(String name) throws IOException {
    text = Files.readString(Path.of("src/main/thrift", name)).replaceAll("(?m)//.*$", "");
  }

  /** Returns the names of all methods. */
  public TreeSet<String> methods() {
    TreeSet<String> names = new TreeSet<>();
    for (Matcher method = METHOD.matcher(text); method.find(); ) {
      names.add(method.group(1));
    }
    return names;
  }

  /** Returns the arguments of a method, by their names in the file; fails on others. */
  public Map<String, Object> arguments(String method, byte[] struct) throws IOException {
    return decode(struct, fields(method(method).group(2)));
  }

  /** Returns the result or the exception of a method, by the names in the file; fails on others. */
  public Map<String, Object> result(String method, byte[] struct) throws IOException {
    Map<Integer, Field> fields = fields(method(method).group(3));
    fields.put(0, new Field("string", "success"));
    return decode(struct, fields);
  }

  /** Returns the fields of an exception, by their names in the file; fails on others. */
  public Map<String, Object> exception(String name, byte[] struct) throws IOException {
    return decode(struct, exceptionFields(name));
  }

  private Map<Integer, Field> exceptionFields(String name) {
    Matcher exception = EXCEPTION.matcher(text);
    while (exception.find()) {
      if (exception.group(1).equals(name)) {
        return fields(exception.group(2));
      }
    }
    throw new AssertionError("no exception " + name);
  }

  private Matcher method(String name) {
    Matcher method = METHOD.matcher(text);
    while (method.find()) {
      if (method.group(1).equals(name)) {
        return method;
      }
    }
    throw new AssertionError("no method " + name);
  }

  private static Map<Integer, Field> fields(String text) {
    Map<Integer, Field> fields = new TreeMap<>();
    for (Matcher field = FIELD.matcher(text); field.find(); ) {
      fields.put(Integer.valueOf(field.group(1)), new Field(field.group(2), field.group(3)));
    }
    return fields;
  }

  private Map<String, Object> decode(byte[] struct, Map<Integer, Field> fields) throws IOException {
    return codec(fields).decode(struct);
  }

  private ThriftCodec<Map<String, Object>> codec(Map<Integer, Field> fields) {
    return new ThriftCodec<>((values, to) -> {}, from -> values(from, fields));
  }

  private Map<String, Object> values(ThriftReader from, Map<Integer, Field> fields)
      throws IOException {
    Map<String, Object> values = new TreeMap<>();
    while (from.next()) {
      Field field = fields.get(from.field());
      if (field == null) {
        throw new IOException("no field " + from.field() + " in " + fields);
      }
      values.put(
          field.name(),
          switch (field.type()) {
            case "i32" -> from.read(ThriftType.I32);
            case "string" -> from.read(ThriftType.STRING);
            default -> from.read(ThriftType.struct(codec(exceptionFields(field.type()))));
          });
    }
    return values;
  }
}
