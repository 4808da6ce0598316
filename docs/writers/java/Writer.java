import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.BoundStatementBuilder;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.uuid.Uuids;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletionStage;

/** Writes tracking events into the recommended table. usage: java Writer.java HOST:PORT KEYSPACE TABLE < events.ndjson */
public class Writer {
  private record Layout(int width, int shards) {}

  private final CqlSession session;
  private final TreeMap<Instant, Layout> layouts = new TreeMap<>();
  private final PreparedStatement insert;

  Writer(CqlSession session, String keyspace, String table) {
    this.session = session;
    session.execute("SELECT from_bucket_time, bucket_width_s, shard_count FROM \"%s\".\"%s_layout\"".formatted(keyspace, table))
        .forEach(entry -> layouts.put(entry.getInstant(0), new Layout(entry.getInt(1), entry.getInt(2))));
    insert = session.prepare(
        """
        INSERT INTO "%s"."%s" (bucket, shard, create_time, ts, job_id, publisher_id, campaign_id, group_id, bid, custom_track, ev, ed)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""".formatted(keyspace, table));
  }

  /** XXH3 (64 bits, seed 0) of the id's 16 bytes, modulo the shards: what hirestream's own writers take. */
  static int shardOf(UUID id, int shards) {
    long low = Long.reverseBytes(id.getMostSignificantBits()) ^ 0x6782737bea4239b9L;
    long high = Long.reverseBytes(id.getLeastSignificantBits()) ^ 0xaf56bc3b0996523aL;
    long productHigh = Math.multiplyHigh(low, high) + (low >> 63 & high) + (high >> 63 & low);
    long mixed = 16 + Long.reverseBytes(low) + high + (low * high ^ productHigh);
    mixed = (mixed ^ mixed >>> 37) * 0x165667919e3779f9L;
    return (int) Long.remainderUnsigned(mixed ^ mixed >>> 32, shards);
  }

  CompletionStage<AsyncResultSet> write(JsonNode event) {
    UUID createTime = event.has("create_time") ? UUID.fromString(event.get("create_time").asText()) : Uuids.timeBased();
    Instant arrival = Instant.ofEpochMilli(Uuids.unixTimestamp(createTime));
    Map.Entry<Instant, Layout> entry = layouts.floorEntry(arrival);
    Layout layout = entry == null ? layouts.firstEntry().getValue() : entry.getValue();
    // A null that is bound is a tombstone: what is not set stays unset.
    BoundStatementBuilder row = insert.boundStatementBuilder()
        .setLong("bucket", Math.floorDiv(arrival.getEpochSecond(), (long) layout.width()))
        .setInt("shard", shardOf(createTime, layout.shards()))
        .setUuid("create_time", createTime);
    if (event.hasNonNull("ts")) row.setInstant("ts", Instant.parse(event.get("ts").asText()));
    for (String name : List.of("job_id", "publisher_id", "campaign_id", "group_id")) {
      if (event.hasNonNull(name)) row.setLong(name, event.get(name).asLong());
    }
    if (event.hasNonNull("bid")) row.setBigDecimal("bid", event.get("bid").decimalValue());
    for (String name : List.of("custom_track", "ev", "ed")) {
      if (event.hasNonNull(name)) row.setString(name, event.get(name).asText());
    }
    return session.executeAsync(row.build());
  }

  public static void main(String[] arguments) throws Exception {
    String[] address = arguments[0].split(":");
    String center = System.getenv().getOrDefault("LOCAL_DC", "datacenter1");
    try (CqlSession session = CqlSession.builder().withLocalDatacenter(center)
        .addContactPoint(new InetSocketAddress(address[0], Integer.parseInt(address[1]))).build()) {
      Writer writer = new Writer(session, arguments[1], arguments[2]);
      List<CompletionStage<AsyncResultSet>> sent = new ArrayList<>();
      ObjectMapper json = new ObjectMapper();
      for (String line : (Iterable<String>) new BufferedReader(new InputStreamReader(System.in)).lines()::iterator) {
        sent.add(writer.write(json.readTree(line)));
      }
      for (CompletionStage<AsyncResultSet> one : sent) one.toCompletableFuture().get();
    }
  }
}
