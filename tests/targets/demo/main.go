// demo is a pretend payment gateway after its rush hour: 1.2 million sessions
// came and went, and the map that held them is still as large as it was then.
// Light traffic goes on for as long as it runs.
package main

import (
	"flag"
	"math/rand"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	_ "maptrace/tests/targets/lib/external"
)

const (
	peakSessions = 1200000
	openSessions = 12041 // after the rush
	receiptsKept = 100000
	merchants    = 20000
	payments     = 300 // a second
	clearEvery   = 5 * time.Second
)

// Session is one customer on the payment page.
type Session struct {
	ID       string
	Merchant uint32
	Amount   int64
	Opened   int64
	Card     [19]byte
	Risk     [8]float32
	Address  [48]byte
}

// Receipt is what remains of a payment.
type Receipt struct {
	Merchant uint32
	Amount   int64
	Text     [640]byte
}

// Merchant is stored in its map by value.
type Merchant struct {
	Name  string
	Fee   float64
	Limit int64
	Flags uint32
}

// Pair is two currencies.
type Pair struct{ From, To [3]byte }

// Gateway is the one large structure that such services tend to have.
type Gateway struct {
	mu        sync.Mutex
	sessions  map[string]*Session
	receipts  map[uint64]*Receipt
	seen      map[[16]byte]int64 // idempotency keys, forgotten every few seconds
	merchants map[uint32]Merchant
	limits    map[uint32]map[string]int64 // by merchant, then by card brand
	rates     map[Pair]float64

	nextSession, firstReceipt, nextReceipt uint64
}

var gateway = new(Gateway)

func sessionID(n uint64) string {
	b := append(make([]byte, 0, 24), "sess_"...)
	return string(strconv.AppendUint(b, n*0x9e3779b97f4a7c15, 36))
}

func (g *Gateway) openSession() *Session {
	s := &Session{ID: sessionID(g.nextSession), Merchant: uint32(g.nextSession % merchants), Opened: int64(g.nextSession)}
	g.nextSession++
	g.sessions[s.ID] = s
	return s
}

func (g *Gateway) closeSession(id string) {
	delete(g.sessions, id)
}

func (g *Gateway) addReceipt(s *Session) {
	g.receipts[g.nextReceipt] = &Receipt{Merchant: s.Merchant, Amount: s.Amount}
	g.nextReceipt++
	if g.nextReceipt-g.firstReceipt > receiptsKept {
		delete(g.receipts, g.firstReceipt)
		g.firstReceipt++
	}
}

func (g *Gateway) remember(n uint64) {
	var key [16]byte
	for i := range key {
		key[i] = byte(n >> (4 * uint(i)))
	}
	g.seen[key] = int64(n)
}

// pay is one payment from first click to receipt.
func (g *Gateway) pay() {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.openSession()
	g.remember(g.nextSession)
	g.limits[s.Merchant]["visa"] += s.Amount
	g.addReceipt(s)
	g.closeSession(s.ID)
}

func (g *Gateway) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key := range g.seen {
		delete(g.seen, key)
	}
}

func (g *Gateway) start() {
	g.sessions = make(map[string]*Session)
	g.receipts = make(map[uint64]*Receipt)
	g.seen = make(map[[16]byte]int64)
	g.merchants = make(map[uint32]Merchant)
	g.limits = make(map[uint32]map[string]int64)
	g.rates = make(map[Pair]float64)

	for i := uint32(0); i < merchants; i++ {
		g.merchants[i] = Merchant{Name: "merchant", Fee: 0.014, Limit: 1 << 20}
		limits := make(map[string]int64)
		limits["visa"], limits["amex"] = 1000, 500
		g.limits[i] = limits
	}
	currencies := []string{"EUR", "USD", "GBP", "CHF", "SEK", "JPY"}
	for _, from := range currencies {
		for _, to := range currencies {
			var p Pair
			copy(p.From[:], from)
			copy(p.To[:], to)
			g.rates[p] = 1
		}
	}
}

// rush opens all sessions of the rush hour and closes all but a few, which are
// scattered over the memory that all of them took.
func (g *Gateway) rush() {
	ids := make([]string, 0, peakSessions)
	for i := 0; i < peakSessions; i++ {
		s := g.openSession()
		ids = append(ids, s.ID)
		if i%4 == 0 {
			g.remember(g.nextSession)
		}
		if i%(peakSessions/receiptsKept) == 0 {
			g.addReceipt(s)
		}
	}
	rand.New(rand.NewSource(1)).Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, id := range ids[openSessions:] {
		g.closeSession(id)
	}
	g.forget()
}

func main() {
	rate := flag.Int("payments-per-s", payments, "payments a second, 0 for none")
	flag.Parse()

	gateway.start()
	gateway.rush()
	debug.FreeOSMemory() // so that what stays is what maps keep
	os.Stdout.WriteString("ready pid " + strconv.Itoa(os.Getpid()) + "\n")

	const tick = 50 * time.Millisecond
	start, done, cleared := time.Now(), 0, time.Now()
	for now := range time.Tick(tick) {
		due := int(now.Sub(start).Seconds() * float64(*rate))
		for ; done < due; done++ {
			gateway.pay()
		}
		if *rate > 0 && now.Sub(cleared) >= clearEvery {
			gateway.forget()
			cleared = now
		}
	}
}
