// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FieldRulesTest {
  private static final int STREAM = 1;
  private static final String GET = ":method=GET|:scheme=http|:path=/";

  /** Returns the fields of a text such as {@code a=1|b=2}. */
  private static List<HeaderField> fields(String text) {
    List<HeaderField> fields = new ArrayList<>();
    for (String field : text.isEmpty() ? new String[0] : text.split("\\|")) {
      int equals = field.indexOf('=');
      String value = field.substring(equals + 1).replace("CR", "\r").replace("LF", "\n");
      fields.add(HeaderField.of(field.substring(0, equals), value.replace("NUL", "\0")));
    }
    return fields;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        GET,
        GET + "|:authority=a",
        GET + "|te=trailers|cookie=a|cookie=b",
        GET + "|empty=",
        GET + "|obs-text=\u00fc|tab=a\tb",
        ":path=*|:scheme=http|:method=OPTIONS",
        ":method=CONNECT|:authority=a:1"
      })
  void validRequest(String text) throws Exception {
    assertThat(FieldRules.checkRequest(STREAM, fields(text))).isEqualTo(FieldRules.UNKNOWN_LENGTH);
  }

  @ParameterizedTest
  @CsvSource({
    "'', pseudo-header field missing",
    ":scheme=http|:path=/, pseudo-header field missing",
    ":method=GET|:path=/, pseudo-header field missing",
    ":method=GET|:scheme=http, pseudo-header field missing",
    ":method=GET|:scheme=http|:path=, :path is empty",
    ":method=CONNECT|:authority=a|:path=/, pseudo-header field missing",
    ":method=CONNECT, pseudo-header field missing",
    ":method=GET|:method=GET|:scheme=http|:path=/, unexpected pseudo-header field",
    ":method=GET|:scheme=http|a=b|:path=/, unexpected pseudo-header field",
    ":method=GET|:scheme=http|:path=/|:status=200, unexpected pseudo-header field",
    ":method=GET|:scheme=http|:path=/|:protocol=websocket, unexpected pseudo-header field",
    ":method=GET|:scheme=http|:path=/|connection=close, field of HTTP/1.1 connections",
    ":method=GET|:scheme=http|:path=/|keep-alive=1, field of HTTP/1.1 connections",
    ":method=GET|:scheme=http|:path=/|proxy-connection=a, field of HTTP/1.1 connections",
    ":method=GET|:scheme=http|:path=/|transfer-encoding=chunked, field of HTTP/1.1 connections",
    ":method=GET|:scheme=http|:path=/|upgrade=h2c, field of HTTP/1.1 connections",
    ":method=GET|:scheme=http|:path=/|te=gzip, field of HTTP/1.1 connections",
    ":method=GET|:scheme=http|:path=/|Upper=a, invalid name of a field",
    ":method=GET|:scheme=http|:path=/|a b=c, invalid name of a field",
    ":method=GET|:scheme=http|:path=/|=c, invalid name of a field",
    ":method=GET|:scheme=http|:path=/|:=c, invalid name of a field",
    ":method=GET|:scheme=http|:path=/|a:b=c, invalid name of a field",
    ":method=GET|:scheme=http|:path=/|\u00fc=c, invalid name of a field",
    ":method=GET|:scheme=http|:path=/|a=bCR, invalid value of a field",
    ":method=GET|:scheme=http|:path=/|a=bLFc, invalid value of a field",
    ":method=GET|:scheme=http|:path=/|a=NUL, invalid value of a field",
    "':method=GET|:scheme=http|:path=/|a= b', invalid value of a field",
    "':method=GET|:scheme=http|:path=/|a=b\t', invalid value of a field",
    ":method=POST|:scheme=http|:path=/|content-length=-1, invalid content-length",
    ":method=POST|:scheme=http|:path=/|content-length=+1, invalid content-length",
    ":method=POST|:scheme=http|:path=/|content-length=, invalid content-length",
    ":method=POST|:scheme=http|:path=/|content-length=1|content-length=1, invalid content-length",
    ":method=POST|:scheme=http|:path=/|content-length=1234567890123456789, invalid content-length"
  })
  void malformedRequestIsAnErrorOfItsStream(String text, String problem) {
    assertThatThrownBy(() -> FieldRules.checkRequest(STREAM, fields(text)))
        .isInstanceOf(Http2Exception.class)
        .hasMessageContaining(problem)
        .matches(e -> ((Http2Exception) e).streamId() == STREAM)
        .matches(e -> ((Http2Exception) e).code() == ErrorCode.PROTOCOL_ERROR);
  }

  @Test
  void lengthOfTheBody() throws Exception {
    List<HeaderField> request = fields(GET + "|content-length=123456789012345678");
    assertThat(FieldRules.checkRequest(STREAM, request)).isEqualTo(123456789012345678L);
    assertThat(FieldRules.checkResponse(STREAM, fields(":status=200|content-length=0"))).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "'', :status is missing",
    ":status=20, :status is missing",
    ":status=+20, :status is missing",
    ":status=2000, :status is missing",
    ":status=099, :status is missing",
    ":status=200|:status=200, unexpected pseudo-header field",
    ":status=200|:path=/, unexpected pseudo-header field",
    "a=b|:status=200, unexpected pseudo-header field",
    ":status=200|connection=close, field of HTTP/1.1 connections",
    ":status=200|content-length=x, invalid content-length"
  })
  void malformedResponseIsAnErrorOfItsStream(String text, String problem) {
    assertThatThrownBy(() -> FieldRules.checkResponse(STREAM, fields(text)))
        .isInstanceOf(Http2Exception.class)
        .hasMessageContaining(problem);
  }

  @Test
  void trailersHaveNoPseudoHeaderFields() throws Exception {
    FieldRules.checkTrailers(STREAM, fields("grpc-status=0"));
    assertThatThrownBy(() -> FieldRules.checkTrailers(STREAM, fields(":status=200")))
        .hasMessageContaining("unexpected pseudo-header field");
  }

  @ParameterizedTest
  @ValueSource(strings = {"A=b", "a b=c", "a=bLFc", "te=gzip", "upgrade=h2c", "=b"})
  void fieldsOfTheCallerAreCheckedToo(String text) {
    assertThatThrownBy(() -> FieldRules.checkSent(fields(text)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("field not legal in HTTP/2: ");
  }
}
