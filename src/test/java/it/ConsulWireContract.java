// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.FakeConsul;

/**
 * Responses of a Consul agent on the wire, for clients other than ConsulClient. Recorded with
 * Consul 1.8; members and wording that differ in later versions are not checked.
 *
 * <p>In requests, {@code NAME} stands for the service of the test, and {@code '} for {@code "}.
 */
abstract class ConsulWireContract extends ConsulContract {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private HttpRequest request(String method, String path, String body) throws Exception {
    return HttpRequest.newBuilder(base().resolve(path.replace("NAME", name)))
        .method(method, BodyPublishers.ofString(text(body)))
        .timeout(Duration.ofSeconds(30))
        .build();
  }

  private String text(String template) {
    return template.replace("NAME", name).replace('\'', '"');
  }

  private HttpResponse<String> send(String method, String path, String body) throws Exception {
    return HTTP.send(request(method, path, body), BodyHandlers.ofString());
  }

  private void put(String path, String body) throws Exception {
    HttpResponse<String> answer = send("PUT", path, body);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    assertThat(answer.body()).isEmpty();
  }

  private void register(String body) throws Exception {
    put("/v1/agent/service/register", body);
  }

  private JsonNode get(String path) throws Exception {
    HttpResponse<String> answer = send("GET", path, "");
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    assertThat(answer.headers().firstValue("Content-Type")).contains("application/json");
    return JSON.readTree(answer.body());
  }

  /** Waits until the catalogue has so many instances: an agent syncs its services with a delay. */
  private JsonNode awaitHealth(int instances) throws Exception {
    Eventually.within(SOON, () -> assertThat(get("/v1/health/service/NAME")).hasSize(instances));
    return get("/v1/health/service/NAME");
  }

  private JsonNode agentCheck(String id) throws Exception {
    return get("/v1/agent/checks").path(id.replace("NAME", name));
  }

  private void awaitStatus(String checkId, String status) throws Exception {
    Eventually.within(
        SOON, () -> assertThat(agentCheck(checkId).path("Status").asText()).isEqualTo(status));
  }

  private static List<String> members(JsonNode json) {
    List<String> names = new ArrayList<>();
    json.fieldNames().forEachRemaining(names::add);
    return names;
  }

  private static void assertHas(JsonNode json, String names) {
    assertThat(members(json)).contains(names.split(" "));
  }

  private JsonNode json(String template) throws Exception {
    return JSON.readTree(text(template));
  }

  @Test
  void agentServiceHasTheseMembers() throws Exception {
    register(
        "{'Name':'NAME','Port':80,'Address':'some.host','Tags':['b','a'],'Meta':{'k':'v'},"
            + "'Weights':{'Passing':3,'Warning':2},'EnableTagOverride':true}");

    JsonNode expected =
        json(
            "{'ID':'NAME','Service':'NAME','Tags':['b','a'],'Meta':{'k':'v'},'Port':80,"
                + "'Address':'some.host','Weights':{'Passing':3,'Warning':2},"
                + "'EnableTagOverride':true}");
    JsonNode service = get("/v1/agent/services").get(name);
    assertThat(members(service)).containsAll(members(expected));
    members(expected)
        .forEach(member -> assertThat(service.get(member)).isEqualTo(expected.get(member)));
  }

  @Test
  void agentServiceHasTheseDefaults() throws Exception {
    register("{'Name':'NAME'}");

    JsonNode service = get("/v1/agent/services").get(name);
    assertThat(service.get("Tags")).isEqualTo(json("[]"));
    assertThat(service.get("Meta")).isEqualTo(json("{}"));
    assertThat(service.get("Port").asInt(-1)).isZero();
    assertThat(service.get("Address").asText("-")).isEmpty();
    assertThat(service.get("Weights")).isEqualTo(json("{'Passing':1,'Warning':1}"));
  }

  @Test
  void agentCheckHasTheseMembers() throws Exception {
    register("{'Name':'NAME','Tags':['a'],'Check':{'TTL':'1h','Notes':'some notes'}}");

    JsonNode check = agentCheck("service:NAME");
    JsonNode expected =
        json(
            "{'CheckID':'service:NAME','Name':'Service #NAME# check','Status':'critical',"
                + "'Notes':'some notes','Output':'','ServiceID':'NAME','ServiceName':'NAME',"
                + "'ServiceTags':['a'],'Type':'ttl','Definition':{},'CreateIndex':0,"
                + "'ModifyIndex':0}");
    assertThat(members(check)).contains("Node").containsAll(members(expected));
    members(expected)
        .forEach(
            member ->
                assertThat(check.get(member).toString().replace('\'', '#'))
                    .isEqualTo(expected.get(member).toString()));
  }

  @ParameterizedTest
  @CsvSource({"passing, 200", "warning, 429", "critical, 503"})
  void agentServiceWithItsChecksHasTheirStatus(String word, int status) throws Exception {
    register(
        "{'Name':'NAME','Checks':[{'TTL':'1h','Status':'passing'},{'TTL':'1h','Status':'%s'}]}"
            .formatted(word));

    HttpResponse<String> answer = send("GET", "/v1/agent/health/service/id/NAME", "");

    assertThat(answer.statusCode()).isEqualTo(status);
    assertThat(answer.headers().firstValue("Content-Type")).contains("application/json");
    assertThat(answer.headers().firstValue("X-Consul-Reason")).contains(word);
    JsonNode json = JSON.readTree(answer.body());
    assertThat(members(json)).containsExactlyInAnyOrder("AggregatedStatus", "Service", "Checks");
    assertThat(json.path("AggregatedStatus").asText()).isEqualTo(word);
    assertThat(json.path("Service").path("ID").asText()).isEqualTo(name);
    assertThat(json.path("Checks")).hasSize(2);
    assertHas(
        json.path("Checks").get(0), "Node CheckID Name Status Notes Output ServiceID ServiceName");
  }

  @Test
  void agentServiceWithItsChecksMustBeThere() throws Exception {
    HttpResponse<String> unknown = send("GET", "/v1/agent/health/service/id/NAME", "");
    assertThat(unknown.statusCode()).isEqualTo(404);
    assertThat(JSON.readTree(unknown.body()))
        .isEqualTo(json("{'AggregatedStatus':'critical','Service':null,'Checks':null}"));

    assertThat(send("GET", "/v1/agent/health/service/id/", "").statusCode()).isEqualTo(500);
  }

  @Test
  void thereIsALeaderAndAMemberThatIsAServer() throws Exception {
    assertThat(get("/v1/status/leader").asText()).matches(".+:\\d+");
    assertThat(get("/v1/status/peers")).hasSize(1);
    assertThat(get("/v1/catalog/datacenters")).isEqualTo(json("['dc1']"));
    JsonNode member = get("/v1/agent/members").get(0);
    assertThat(member.get("Name")).isEqualTo(get("/v1/agent/self").at("/Config/NodeName"));
    assertThat(member.at("/Tags/role").asText()).isEqualTo("consul");
    assertThat(member.get("Status").asInt()).isEqualTo(1);
  }

  @Test
  void servicesOfTheNodeAreListedWithConsul() throws Exception {
    register("{'Name':'NAME','ID':'NAME-1'}");
    awaitHealth(1);
    String node = get("/v1/agent/self").at("/Config/NodeName").asText();

    JsonNode known = get("/v1/catalog/node/" + node);
    assertThat(known.at("/Node/Node").asText()).isEqualTo(node);
    assertThat(known.at("/Services/" + name + "-1/Service").asText()).isEqualTo(name);
    assertThat(known.at("/Services/consul/Service").asText()).isEqualTo("consul");
    assertThat(get("/v1/catalog/node/NAME").isNull()).isTrue();
  }

  @Test
  void checkOfAServiceIsRegisteredAndDeregisteredAlone() throws Exception {
    register("{'Name':'NAME'}");
    String check = "{'Name':'NAME-disk','ServiceID':'NAME','TTL':'1h','Status':'warning'}";
    put("/v1/agent/check/register", check);
    assertThat(agentCheck("NAME-disk").get("ServiceID").asText()).isEqualTo(name);
    awaitPassing(0);

    put("/v1/agent/check/deregister/NAME-disk", "");
    assertThat(agentCheck("NAME-disk").isMissingNode()).isTrue();
    awaitPassing(1);
    put("/v1/agent/check/deregister/NAME-disk", "");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      textBlock =
          """
          {'TTL':'1h'}                                  | 400
          {'Name':'NAME-c'}                             | 400
          {'Name':'NAME-c','TTL':'1h','Oops':1}         | 400
          {'Name':'NAME-c','TTL':'1h','ServiceID':'no'} | 500
          """)
  void invalidCheckIsRejected(String body, int status) throws Exception {
    assertThat(send("PUT", "/v1/agent/check/register", body).statusCode()).isEqualTo(status);
    assertThat(agentCheck("NAME-c").isMissingNode()).isTrue();
  }

  @Test
  void checkOfTheNodeCountsForAllItsServices() throws Exception {
    register("{'Name':'NAME'}");
    awaitPassing(1);
    long index = quietIndex("/v1/health/service/NAME");
    CompletableFuture<HttpResponse<String>> answer =
        waiting("/v1/health/service/NAME", index, "20s");

    put("/v1/agent/check/register", "{'Name':'NAME-disk','TTL':'1h'}");
    try {
      assertThat(index(answer.get(10, TimeUnit.SECONDS))).isGreaterThan(index);
      awaitPassing(0);
      assertThat(get("/v1/health/checks/NAME")).isEmpty();
    } finally {
      put("/v1/agent/check/deregister/NAME-disk", "");
    }
    awaitPassing(1);
  }

  @Test
  void maintenanceTakesAServiceOutOfUse() throws Exception {
    register("{'Name':'NAME'}");
    awaitPassing(1);

    put("/v1/agent/service/maintenance/NAME?enable=true&reason=upgrade", "");
    JsonNode check = agentCheck("_service_maintenance:NAME");
    assertThat(check.get("Status").asText()).isEqualTo("critical");
    assertThat(check.get("Notes").asText()).isEqualTo("upgrade");
    awaitPassing(0);
    HttpResponse<String> answer = send("GET", "/v1/agent/health/service/id/NAME", "");
    assertThat(answer.statusCode()).isEqualTo(503);
    assertThat(answer.headers().firstValue("X-Consul-Reason")).contains("maintenance");

    put("/v1/agent/service/maintenance/NAME?enable=false", "");
    awaitPassing(1);
  }

  @Test
  void maintenanceTakesTheNodeOutOfUse() throws Exception {
    register("{'Name':'NAME'}");
    awaitPassing(1);
    put("/v1/agent/maintenance?enable=true", "");
    try {
      assertThat(agentCheck("_node_maintenance").get("Notes").asText()).isNotEmpty();
      awaitPassing(0);
    } finally {
      put("/v1/agent/maintenance?enable=false", "");
    }
    awaitPassing(1);
  }

  @ParameterizedTest
  @CsvSource({
    "/v1/agent/maintenance, 400",
    "/v1/agent/maintenance?enable=x, 400",
    "/v1/agent/service/maintenance/?enable=true, 400",
    "/v1/agent/service/maintenance/NAME?enable=true, 404"
  })
  void invalidMaintenanceIsRejected(String path, int status) throws Exception {
    assertThat(send("PUT", path, "").statusCode()).isEqualTo(status);
  }

  @Test
  void checksAreListedByStatus() throws Exception {
    register("{'Name':'NAME','Check':{'TTL':'1h','Status':'warning'}}");
    awaitHealth(1);
    assertThat(get("/v1/health/state/any").findValuesAsText("CheckID"))
        .contains("serfHealth", "service:" + name);
    assertThat(get("/v1/health/state/warning").findValuesAsText("CheckID"))
        .contains("service:" + name)
        .doesNotContain("serfHealth");
    assertThat(get("/v1/health/state/NAME")).isEmpty();
  }

  @Test
  void checksWithoutAnIdAreNumberedUnlessThereIsOne() throws Exception {
    register("{'Name':'NAME','Check':{'TTL':'1h','Name':'first'},'Checks':[{'TTL':'1h'}]}");
    assertThat(agentCheck("service:NAME:1").get("Name").asText()).isEqualTo("first");
    assertThat(agentCheck("service:NAME:2").isObject()).isTrue();

    register("{'Name':'NAME','Check':{},'Checks':[{'TTL':'1h'}]}");
    assertThat(agentCheck("service:NAME").isObject()).isTrue();
  }

  @Test
  void typeOfACheckIsWhatItDoes() throws Exception {
    register(
        "{'Name':'NAME','Checks':["
            + "{'CheckID':'NAME-http','HTTP':'http://127.0.0.1:1/','Interval':'1h'},"
            + "{'CheckID':'NAME-tcp','TCP':'127.0.0.1:1','Interval':'1h'},"
            + "{'CheckID':'NAME-grpc','GRPC':'127.0.0.1:1','Interval':'1h'}]}");
    for (String type : List.of("http", "tcp", "grpc")) {
      assertThat(agentCheck("NAME-" + type).get("Type").asText()).isEqualTo(type);
    }
  }

  @Test
  void healthEntryHasTheseMembers() throws Exception {
    register("{'Name':'NAME','ID':'NAME-1','Port':80,'Tags':['a'],'Check':{'TTL':'1h'}}");
    JsonNode entry = awaitHealth(1).get(0);

    assertHas(entry, "Node Service Checks");
    assertHas(
        entry.get("Node"),
        "ID Node Address Datacenter TaggedAddresses Meta CreateIndex ModifyIndex");
    assertHas(
        entry.get("Service"),
        "ID Service Tags Address Meta Port Weights EnableTagOverride Proxy "
            + "Connect CreateIndex ModifyIndex");
    assertThat(entry.at("/Service/ID").asText()).isEqualTo(name + "-1");
    assertThat(entry.at("/Checks/0/CheckID").asText()).isEqualTo("serfHealth"); // The node's.
    assertThat(entry.at("/Checks/1/CheckID").asText()).isEqualTo("service:" + name + "-1");
    for (JsonNode check : entry.get("Checks")) {
      assertHas(
          check,
          "Node CheckID Name Status Notes Output ServiceID ServiceName "
              + "ServiceTags Type Definition CreateIndex ModifyIndex");
      assertThat(check.get("CreateIndex").asLong()).isPositive();
    }
    assertThat(entry.at("/Service/ModifyIndex").asLong()).isPositive();
  }

  @Test
  void healthResponsesAreSortedById() throws Exception {
    for (String id : List.of("b", "C", "a", "B0")) {
      register("{'Name':'NAME','ID':'NAME-" + id + "'}");
    }
    List<String> ids = new ArrayList<>();
    awaitHealth(4).forEach(entry -> ids.add(entry.at("/Service/ID").asText()));
    assertThat(ids).containsExactly(name + "-a", name + "-b", name + "-B0", name + "-C");
  }

  @Test
  void catalogueEntryHasTheseMembers() throws Exception {
    register(
        "{'Name':'NAME','ID':'NAME-1','Port':80,'Address':'some.host','Tags':['a'],"
            + "'Meta':{'k':'v'}}");
    awaitHealth(1);

    JsonNode entry = get("/v1/catalog/service/NAME").get(0);
    assertHas(
        entry,
        "ID Node Address Datacenter TaggedAddresses NodeMeta ServiceKind "
            + "ServiceID ServiceName ServiceTags ServiceAddress ServiceWeights "
            + "ServiceMeta ServicePort ServiceEnableTagOverride ServiceProxy "
            + "ServiceConnect CreateIndex ModifyIndex");
    assertThat(entry.get("ServiceID").asText()).isEqualTo(name + "-1");
    assertThat(entry.get("ServiceAddress").asText()).isEqualTo("some.host");
    assertThat(entry.get("ServicePort").asInt()).isEqualTo(80);
    assertThat(entry.get("ServiceMeta")).isEqualTo(json("{'k':'v'}"));
    assertThat(get("/v1/catalog/service/NAME?tag=a")).hasSize(1);
    assertThat(get("/v1/catalog/service/NAME?tag=z")).isEmpty();
    assertThat(get("/v1/catalog/service/NAME-none")).isEmpty();
  }

  @Test
  void catalogueHasTheNodeThatServicesAreOn() throws Exception {
    register("{'Name':'NAME'}");
    JsonNode node = awaitHealth(1).get(0).get("Node");
    assertThat(get("/v1/catalog/nodes")).hasSize(1).containsExactly(node);
    assertThat(get("/v1/agent/self").at("/Config/NodeName")).isEqualTo(node.get("Node"));
    assertThat(get("/v1/agent/self").at("/Config/Datacenter")).isEqualTo(node.get("Datacenter"));
  }

  @Test
  void checksOfAServiceAreListedWithoutThoseOfTheNode() throws Exception {
    register("{'Name':'NAME','Checks':[{'TTL':'1h'},{'TTL':'2h'}]}");
    Eventually.within(SOON, () -> assertThat(get("/v1/health/checks/NAME")).hasSize(2));
    assertThat(get("/v1/health/checks/NAME").at("/0/CheckID").asText())
        .isEqualTo("service:" + name + ":1");
  }

  @Test
  void catalogueAndHealthResponsesHaveTheirHeaders() throws Exception {
    for (String path :
        List.of(
            "/v1/health/service/NAME",
            "/v1/health/checks/NAME",
            "/v1/catalog/service/NAME",
            "/v1/catalog/services",
            "/v1/catalog/nodes")) {
      HttpResponse<String> answer = send("GET", path, "");
      assertThat(index(answer)).as(path).isPositive();
      assertThat(answer.headers().firstValue("X-Consul-KnownLeader")).contains("true");
      assertThat(answer.headers().firstValue("X-Consul-LastContact")).contains("0");
    }
  }

  private static long index(HttpResponse<String> answer) {
    return answer.headers().firstValueAsLong("X-Consul-Index").orElseThrow();
  }

  @Test
  void namesAndTagsAreFoundInAnyCase() throws Exception {
    register("{'Name':'NAME','Tags':['Blue']}");
    awaitHealth(1);
    String upper = name.toUpperCase(Locale.ROOT);
    assertThat(get("/v1/health/service/" + upper + "?tag=bLUE")).hasSize(1);
    assertThat(get("/v1/catalog/service/" + upper)).hasSize(1);
  }

  @Test
  void deregisteringAServiceRemovesItsChecks() throws Exception {
    register("{'Name':'NAME','Check':{'TTL':'1h'}}");
    put("/v1/agent/service/deregister/NAME", "");
    assertThat(agentCheck("service:NAME").isMissingNode()).isTrue();
    awaitHealth(0);
    Eventually.within(SOON, () -> assertThat(get("/v1/health/checks/NAME")).isEmpty());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "{}",
        "{'Name':''}",
        "{'Name':5}",
        "{'ID':'NAME'}",
        "{'Name':'NAME','Port':'80'}",
        "{'Name':'NAME','Tags':'a'}",
        "{'Name':'NAME','Oops':1}",
        "{'Name':'NAME','Address':'0.0.0.0'}",
        "{'Name':'NAME','Meta':{'a b':'c'}}",
        "{'Name':'NAME','Weights':{'Passing':0,'Warning':0}}",
        "{'Name':'NAME','Check':{'HTTP':'http://127.0.0.1/'}}",
        "{'Name':'NAME','Check':{'HTTP':'http://127.0.0.1/','Interval':'0s'}}",
        "{'Name':'NAME','Check':{'HTTP':'http://127.0.0.1/','Interval':'5'}}",
        "{'Name':'NAME','Check':{'HTTP':'http://127.0.0.1/','Interval':'5s','Timeout':'x'}}",
        "{'Name':'NAME','Check':{'TCP':'127.0.0.1:80','Interval':'-1s'}}",
        "{'Name':'NAME','Check':{'TTL':''}}",
        "{'Name':'NAME','Check':{'TTL':'-1s'}}",
        "{'Name':'NAME','Check':{'TTL':'9999999999h'}}",
        "{'Name':'NAME','Check':{'TTL':'1s','Interval':'1s'}}",
        "{'Name':'NAME','Check':{'TTL':'1s','HTTP':'http://127.0.0.1/'}}",
        "{'Name':'NAME','Check':{'TTL':'1s','Status':'fine'}}",
        "{'Name':'NAME','Check':{'TTL':'1s','Oops':1}}",
        "{'Name':'NAME','Check':{'TTL':'1s','DeregisterCriticalServiceAfter':'soon'}}",
        "{'Name':'NAME','Check':{'Status':'passing'}}",
        "{'Name':'NAME','Checks':[{}]}"
      })
  void invalidRegistrationIsRejectedAndLeavesNothing(String body) throws Exception {
    assertThat(send("PUT", "/v1/agent/service/register", body).statusCode()).isEqualTo(400);
    assertThat(get("/v1/agent/services").has(name)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'Name':'NAME','Tags':null,'Meta':null,'Check':null,'Checks':null}",
        "{'name':'NAME','PORT':80}",
        "{'Name':'NAME','Check':{'TTL':1000000000}}",
        "{'Name':'NAME','Check':{'ttl':'1h2m3.5s'}}",
        "{'Name':'NAME','Token':'any'}",
        "{'Name':'NAME','Check':{'TTL':'5s','HTTP':'','Interval':'0s','Notes':''}}"
      })
  void looseRegistrationIsAccepted(String body) throws Exception {
    register(body);
    assertThat(get("/v1/agent/services").has(name)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/v1/health/service/NAME?passing=perhaps",
        "/v1/health/service/NAME?index=x",
        "/v1/health/service/NAME?index=-1",
        "/v1/health/service/NAME?index=99999999999999999999",
        "/v1/health/service/NAME?index=0&wait=5",
        "/v1/health/service/NAME?index=0&wait=x",
        "/v1/health/service/NAME?stale&consistent",
        "/v1/health/service/",
        "/v1/health/checks/",
        "/v1/catalog/service/"
      })
  void invalidQueryIsRejected(String path) throws Exception {
    assertThat(send("GET", path, "").statusCode()).isEqualTo(400);
  }

  @ParameterizedTest
  @CsvSource({
    "PUT, /v1/agent/services",
    "DELETE, /v1/agent/checks",
    "GET, /v1/agent/check/pass/x",
    "POST, /v1/agent/service/register",
    "PUT, /v1/health/service/x"
  })
  void wrongMethodIsRejected(String method, String path) throws Exception {
    HttpResponse<String> answer = send(method, path, "");
    assertThat(answer.statusCode()).isEqualTo(405);
    assertThat(answer.headers().firstValue("Allow")).isPresent();
  }

  @ParameterizedTest
  @CsvSource({"'', 1", "true, 1", "1, 1", "false, 2", "0, 2"})
  void passingMayHaveAValue(String value, int instances) throws Exception {
    register("{'Name':'NAME','ID':'NAME-1'}");
    register("{'Name':'NAME','ID':'NAME-2','Check':{'TTL':'1h'}}");
    awaitHealth(2);
    assertThat(get("/v1/health/service/NAME?passing=" + value)).hasSize(instances);
  }

  @Test
  void ttlChecksArePassedWarnedAndFailed() throws Exception {
    register("{'Name':'NAME','Check':{'TTL':'1h'}}");

    put("/v1/agent/check/pass/service:NAME?note=all%20is%20well", "");
    assertThat(agentCheck("service:NAME").get("Status").asText()).isEqualTo("passing");
    assertThat(agentCheck("service:NAME").get("Output").asText()).isEqualTo("all is well");

    put("/v1/agent/check/warn/service:NAME", "");
    assertThat(agentCheck("service:NAME").get("Status").asText()).isEqualTo("warning");
    assertThat(agentCheck("service:NAME").get("Output").asText()).isEmpty();

    put("/v1/agent/check/fail/service:NAME?note=oh", "");
    assertThat(agentCheck("service:NAME").get("Status").asText()).isEqualTo("critical");

    put("/v1/agent/check/update/service:NAME", "{'Status':'passing','Output':'again'}");
    assertThat(agentCheck("service:NAME").get("Status").asText()).isEqualTo("passing");
    assertThat(agentCheck("service:NAME").get("Output").asText()).isEqualTo("again");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "{}", "{'Status':'fine'}", "{'Status':5}"})
  void invalidUpdateIsRejected(String body) throws Exception {
    register("{'Name':'NAME','Check':{'TTL':'1h'}}");
    assertThat(send("PUT", "/v1/agent/check/update/service:NAME", body).statusCode())
        .isEqualTo(400);
  }

  @Test
  void onlyTtlChecksAreUpdated() throws Exception {
    register("{'Name':'NAME','Check':{'TCP':'127.0.0.1:1','Interval':'1h'}}");
    for (String id : List.of("service:NAME", "NAME-none")) {
      HttpResponse<String> answer = send("PUT", "/v1/agent/check/pass/" + id, "");
      assertThat(answer.statusCode()).isIn(404, 500); // New, old.
      assertThat(answer.body()).contains("does not have associated TTL");
    }
  }

  @Test
  void expiredTtlCheckKeepsItsLastOutput() throws Exception {
    register("{'Name':'NAME','Check':{'TTL':'500ms','Status':'passing'}}");
    awaitStatus("service:NAME", "critical");
    assertThat(agentCheck("service:NAME").get("Output").asText()).isEqualTo("TTL expired");

    put("/v1/agent/check/pass/service:NAME?note=fine", "");
    awaitStatus("service:NAME", "critical");
    assertThat(agentCheck("service:NAME").get("Output").asText())
        .startsWith("TTL expired")
        .endsWith("fine");
  }

  @Test
  void statusInARegistrationIsForNewChecksOnly() throws Exception {
    String web = "{'Name':'NAME','Check':{'TTL':'1h','Status':'passing'}}";
    register(web);
    put("/v1/agent/check/warn/service:NAME?note=hm", "");
    register(web);
    assertThat(agentCheck("service:NAME").get("Status").asText()).isEqualTo("warning");
    assertThat(agentCheck("service:NAME").get("Output").asText()).isEqualTo("hm");
  }

  @Test
  void checksStayUnlessARegistrationReplacesThem() throws Exception {
    register("{'Name':'NAME','Check':{'CheckID':'NAME-old','TTL':'1h'}}");
    String next = "{'Name':'NAME','Check':{'CheckID':'NAME-new','TTL':'1h'}}";
    register(next);
    put("/v1/agent/service/register?replace-existing-checks=false", next);
    assertThat(agentCheck("NAME-old").isObject()).isTrue();
    assertThat(agentCheck("NAME-new").isObject()).isTrue();

    put("/v1/agent/service/register?replace-existing-checks=true", next);
    assertThat(agentCheck("NAME-old").isMissingNode()).isTrue();
    assertThat(agentCheck("NAME-new").isObject()).isTrue();

    put("/v1/agent/service/register?replace-existing-checks", "{'Name':'NAME'}");
    assertThat(agentCheck("NAME-new").isMissingNode()).isTrue();
  }

  private void awaitPassing(int instances) throws Exception {
    Eventually.within(
        SOON, () -> assertThat(get("/v1/health/service/NAME?passing")).hasSize(instances));
  }

  @Test
  void httpCheckThatTakesTooLongIsCritical() throws Exception {
    try (FakeConsul target = new FakeConsul()) {
      target.on("GET", "/health").hang();
      register(
          ("{'Name':'NAME','Check':{'HTTP':'%s/health','Interval':'1s','Timeout':'200ms',"
                  + "'Status':'passing'}}")
              .formatted(target.uri()));
      awaitStatus("service:NAME", "critical");
    }
  }

  @Test
  void tcpCheckIsPassingWhileThePortIsOpen() throws Exception {
    try (ServerSocket target = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))) {
      String address = "127.0.0.1:" + target.getLocalPort();
      register("{'Name':'NAME','Check':{'TCP':'%s','Interval':'1s'}}".formatted(address));
      awaitStatus("service:NAME", "passing");
      assertThat(agentCheck("service:NAME").get("Output").asText())
          .isEqualTo("TCP connect " + address + ": Success");
      target.close();
      awaitStatus("service:NAME", "critical");
    }
  }

  /** Waits until nothing is on its way to the servers, and returns the index. */
  private long quietIndex(String path) throws Exception {
    long index = index(send("GET", path, ""));
    for (int round = 0; round < 10; round++) {
      long next = index(send("GET", path + "?wait=300ms&index=" + index, ""));
      if (next == index) {
        return index;
      }
      index = next;
    }
    throw new AssertionError("the index of " + path + " never rests");
  }

  private CompletableFuture<HttpResponse<String>> waiting(String path, long index, String wait)
      throws Exception {
    String query = "?index=" + index + "&wait=" + wait;
    return HTTP.sendAsync(request("GET", path + query, ""), BodyHandlers.ofString());
  }

  // An agent deregisters what earlier tests have left some time later, and that is news for some
  // paths. An agent that took the news given here for news of the path would answer in each round.
  @ParameterizedTest
  @CsvSource({
    "/v1/health/service/NAME, other service",
    "/v1/health/service/NAME-none, other service",
    "/v1/catalog/services, check",
    "/v1/catalog/service/NAME, check",
    "/v1/health/service/NAME, words of a check",
    "/v1/health/service/NAME, same registration"
  })
  void blockingQueryIgnoresChangesOfOtherServices(String path, String news) throws Exception {
    String web = "{'Name':'NAME','Check':{'TTL':'1h'}}";
    register(web);
    awaitHealth(1);

    List<String> early = new ArrayList<>();
    for (int round = 1; round <= 3; round++) {
      long index = quietIndex(path);
      long startedAtNanos = System.nanoTime();
      CompletableFuture<HttpResponse<String>> answer = waiting(path, index, "700ms");
      switch (news) {
        case "other service" ->
            register("{'Name':'NAME-other-%d','Check':{'TTL':'1h'}}".formatted(round));
        case "check" ->
            put("/v1/agent/check/%s/service:NAME".formatted(round == 2 ? "fail" : "pass"), "");
        case "words of a check" -> put("/v1/agent/check/fail/service:NAME?note=other" + round, "");
        default -> register(web);
      }

      long answeredWith = index(answer.get());
      Duration took = Duration.ofNanos(System.nanoTime() - startedAtNanos);
      if (answeredWith == index && took.compareTo(Duration.ofMillis(700)) >= 0) {
        return;
      }
      early.add("index %d -> %d after %s".formatted(index, answeredWith, took));
    }
    throw new AssertionError("answered in each round: " + early);
  }

  @ParameterizedTest
  @CsvSource({
    "/v1/health/service/NAME, check",
    "/v1/health/checks/NAME, check",
    "/v1/health/service/NAME, second instance",
    "/v1/catalog/service/NAME, second instance",
    "/v1/catalog/services, other service",
    "/v1/health/service/NAME-other, other service",
    "/v1/health/service/NAME, deregister",
    "/v1/catalog/service/NAME, deregister",
    "/v1/catalog/services, deregister"
  })
  void blockingQueryReturnsOnAChange(String path, String news) throws Exception {
    register("{'Name':'NAME','Check':{'TTL':'1h'}}");
    awaitHealth(1);
    long index = quietIndex(path);

    CompletableFuture<HttpResponse<String>> answer = waiting(path, index, "20s");
    switch (news) {
      case "check" -> put("/v1/agent/check/pass/service:NAME", "");
      case "second instance" -> register("{'Name':'NAME','ID':'NAME-2'}");
      case "other service" -> register("{'Name':'NAME-other'}");
      default -> put("/v1/agent/service/deregister/NAME", "");
    }

    answer.get(10, TimeUnit.SECONDS);
    assertThat(index(answer.get())).isGreaterThan(index);
  }

  @Test
  void indexFromTheFutureWaitsLikeAnyOther() throws Exception {
    register("{'Name':'NAME'}");
    awaitHealth(1);
    long index = quietIndex("/v1/health/service/NAME");

    long startedAtNanos = System.nanoTime();
    HttpResponse<String> answer =
        waiting("/v1/health/service/NAME", index + 1_000_000, "300ms").get();

    assertThat(index(answer)).isEqualTo(index);
    assertThat(Duration.ofNanos(System.nanoTime() - startedAtNanos))
        .isGreaterThanOrEqualTo(Duration.ofMillis(300));
  }
}
