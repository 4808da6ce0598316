// Writes tracking events into the recommended table. usage: node writer.mjs HOST:PORT KEYSPACE TABLE < events.ndjson
import { createInterface } from "node:readline";
import cassandra from "cassandra-driver";

const { BigDecimal, Long, TimeUuid, unset } = cassandra.types;
const columns = ["ts", "job_id", "publisher_id", "campaign_id", "group_id", "bid", "custom_track", "ev", "ed"];
const read = {
  ts: (text) => new Date(text),
  job_id: Long.fromValue, publisher_id: Long.fromValue, campaign_id: Long.fromValue, group_id: Long.fromValue,
  bid: (bid) => BigDecimal.fromString(String(bid)),
  ev: String,
};

// XXH3 (64 bits, seed 0) of the id's 16 bytes, modulo the shards: what hirestream's own writers take.
function shardOf(id, shards) {
  const mask = 0xffff_ffff_ffff_ffffn;
  const bytes = Buffer.alloc(8);
  const low = id.readBigUInt64LE(0) ^ 0x6782737bea4239b9n;
  const high = id.readBigUInt64LE(8) ^ 0xaf56bc3b0996523an;
  const product = low * high;
  bytes.writeBigUInt64LE(low);
  let mixed = (16n + bytes.readBigUInt64BE() + high + ((product & mask) ^ (product >> 64n))) & mask;
  mixed = ((mixed ^ (mixed >> 37n)) * 0x165667919e3779f9n) & mask;
  return Number((mixed ^ (mixed >> 32n)) % BigInt(shards));
}

class Writer {
  static async open(client, keyspace, table) {
    const writer = new Writer();
    const entries = await client.execute(`SELECT from_bucket_time, bucket_width_s, shard_count FROM "${keyspace}"."${table}_layout"`);
    writer.layout = entries.rows.sort((a, b) => a.from_bucket_time - b.from_bucket_time);
    const names = ["bucket", "shard", "create_time", ...columns];
    writer.insert = `INSERT INTO "${keyspace}"."${table}" (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
    writer.client = client;
    return writer;
  }

  write(event) {
    const createTime = event.create_time ? TimeUuid.fromString(event.create_time) : TimeUuid.now();
    const arrival = createTime.getDate();
    const layout = this.layout.findLast((entry) => entry.from_bucket_time <= arrival) ?? this.layout[0];
    const bucket = Math.floor(arrival / 1000 / layout.bucket_width_s);
    const shard = shardOf(createTime.getBuffer(), layout.shard_count);
    // A null that is bound is a tombstone: what is not there stays unset.
    const values = columns.map((name) => (event[name] == null ? unset : (read[name] ?? ((value) => value))(event[name])));
    return this.client.execute(this.insert, [Long.fromNumber(bucket), shard, createTime, ...values], { prepare: true });
  }
}

const [address, keyspace, table] = process.argv.slice(2);
const client = new cassandra.Client({ contactPoints: [address], localDataCenter: process.env.LOCAL_DC ?? "datacenter1" });
await client.connect();
const writer = await Writer.open(client, keyspace, table);
const sent = [];
for await (const line of createInterface({ input: process.stdin })) sent.push(writer.write(JSON.parse(line)));
await Promise.all(sent);
await client.shutdown();
