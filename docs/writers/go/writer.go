// Writes tracking events into the recommended table. usage: writer HOST:PORT KEYSPACE TABLE < events.ndjson
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"math/bits"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/gocql/gocql"
	"gopkg.in/inf.v0"
)

type event struct {
	CreateTime  *string      `json:"create_time"`
	Ts          *time.Time   `json:"ts"`
	JobID       *int64       `json:"job_id"`
	PublisherID *int64       `json:"publisher_id"`
	CampaignID  *int64       `json:"campaign_id"`
	GroupID     *int64       `json:"group_id"`
	Bid         *json.Number `json:"bid"`
	CustomTrack *string      `json:"custom_track"`
	Ev          *json.Number `json:"ev"`
	Ed          *string      `json:"ed"`
}

type layout struct {
	from          time.Time
	width, shards int64
}

type writer struct {
	session *gocql.Session
	layouts []layout
	insert  string
}

// XXH3 (64 bits, seed 0) of the id's 16 bytes, modulo the shards: what hirestream's own writers take.
func shardOf(id gocql.UUID, shards int64) int {
	low := binary.LittleEndian.Uint64(id[:8]) ^ 0x6782737bea4239b9
	high := binary.LittleEndian.Uint64(id[8:]) ^ 0xaf56bc3b0996523a
	productHigh, productLow := bits.Mul64(low, high)
	mixed := 16 + bits.ReverseBytes64(low) + high + (productLow ^ productHigh)
	mixed = (mixed ^ mixed>>37) * 0x165667919e3779f9
	return int((mixed ^ mixed>>32) % uint64(shards))
}

func open(session *gocql.Session, keyspace, table string) (*writer, error) {
	names := []string{"bucket", "shard", "create_time", "ts", "job_id", "publisher_id", "campaign_id", "group_id", "bid",
		"custom_track", "ev", "ed"}
	w := &writer{session: session}
	w.insert = fmt.Sprintf(`INSERT INTO "%s"."%s" (%s) VALUES (?%s)`, keyspace, table, strings.Join(names, ", "),
		strings.Repeat(", ?", len(names)-1))
	rows := session.Query(fmt.Sprintf(`SELECT from_bucket_time, bucket_width_s, shard_count FROM "%s"."%s_layout"`,
		keyspace, table)).Iter()
	for entry := (layout{}); rows.Scan(&entry.from, &entry.width, &entry.shards); {
		w.layouts = append(w.layouts, entry)
	}
	sort.Slice(w.layouts, func(a, b int) bool { return w.layouts[a].from.Before(w.layouts[b].from) })
	return w, rows.Close()
}

func (w *writer) layoutAt(arrival time.Time) layout {
	held := w.layouts[0]
	for _, entry := range w.layouts {
		if !entry.from.After(arrival) {
			held = entry
		}
	}
	return held
}

// A null that is bound is a tombstone: what is not there stays unset.
func set[T any](value *T) any {
	if value == nil {
		return gocql.UnsetValue
	}
	return *value
}

func (w *writer) write(e event) error {
	id := gocql.TimeUUID()
	if e.CreateTime != nil {
		var err error
		if id, err = gocql.ParseUUID(*e.CreateTime); err != nil {
			return err
		}
	}
	var bid, ev any = gocql.UnsetValue, gocql.UnsetValue
	if e.Bid != nil {
		exact, ok := new(inf.Dec).SetString(e.Bid.String())
		if !ok {
			return fmt.Errorf("bid %s is no decimal", *e.Bid)
		}
		bid = exact
	}
	if e.Ev != nil {
		ev = e.Ev.String()
	}
	held := w.layoutAt(id.Time())
	return w.session.Query(w.insert, id.Time().Unix()/held.width, shardOf(id, held.shards), id, set(e.Ts), set(e.JobID), set(e.PublisherID),
		set(e.CampaignID), set(e.GroupID), bid, set(e.CustomTrack), ev, set(e.Ed)).Exec()
}

func main() {
	cluster := gocql.NewCluster(os.Args[1])
	cluster.ProtoVersion = 4 // unset values need it
	session, err := cluster.CreateSession()
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	w, err := open(session, os.Args[2], os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			log.Fatal(err)
		}
		if err := w.write(e); err != nil {
			log.Fatal(err)
		}
	}
}
