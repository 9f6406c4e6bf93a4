// Package coin holds what the parts of the digest speak about: coins, prices, a market.
package coin

import (
	"slices"
	"time"
)

// Coin is one that a chat may follow.
type Coin struct {
	ID      string // CoinGecko's; also the name in the store and in buttons
	Symbol  string
	Name    string
	Paprika string // CoinPaprika's id
}

// MaxFollowed is how many coins a chat may follow: so many fit under a picture, with 1024 characters.
const MaxFollowed = 10

// known is in the order in which coins are offered and shown.
var known = [...]Coin{
	{"bitcoin", "BTC", "Bitcoin", "btc-bitcoin"},
	{"ethereum", "ETH", "Ethereum", "eth-ethereum"},
	{"ripple", "XRP", "XRP", "xrp-xrp"},
	{"binancecoin", "BNB", "BNB", "bnb-binance-coin"},
	{"solana", "SOL", "Solana", "sol-solana"},
	{"tron", "TRX", "TRON", "trx-tron"},
	{"dogecoin", "DOGE", "Dogecoin", "doge-dogecoin"},
	{"cardano", "ADA", "Cardano", "ada-cardano"},
	{"bitcoin-cash", "BCH", "Bitcoin Cash", "bch-bitcoin-cash"},
	{"chainlink", "LINK", "Chainlink", "link-chainlink"},
	{"stellar", "XLM", "Stellar", "xlm-stellar"},
	{"monero", "XMR", "Monero", "xmr-monero"},
	{"litecoin", "LTC", "Litecoin", "ltc-litecoin"},
	{"avalanche-2", "AVAX", "Avalanche", "avax-avalanche"},
	{"sui", "SUI", "Sui", "sui-sui"},
	{"polkadot", "DOT", "Polkadot", "dot-polkadot"},
	{"uniswap", "UNI", "Uniswap", "uni-uniswap"},
	{"near", "NEAR", "NEAR Protocol", "near-near-protocol"},
	{"ethereum-classic", "ETC", "Ethereum Classic", "etc-ethereum-classic"},
	{"cosmos", "ATOM", "Cosmos", "atom-cosmos"},
	{"algorand", "ALGO", "Algorand", "algo-algorand"},
}

// All lists the coins that can be followed.
func All() []Coin { return slices.Clone(known[:]) }

// Default is what a chat follows that has chosen nothing.
func Default() []string { return []string{"bitcoin", "ethereum", "ripple", "binancecoin", "solana"} }

// ByID finds one of All.
func ByID(id string) (Coin, bool) {
	i := slices.IndexFunc(known[:], func(c Coin) bool { return c.ID == id })
	if i < 0 {
		return Coin{}, false
	}
	return known[i], true
}

// Pick is the coins of ids in the order of All. Unknown ids are left out.
func Pick(ids []string) []Coin {
	return slices.DeleteFunc(All(), func(c Coin) bool { return !slices.Contains(ids, c.ID) })
}

// Point is a price at a moment, in US dollars.
type Point struct {
	At    time.Time
	Price float64
}

// Quote is what a source says of a coin. A number that it does not know is NaN.
type Quote struct {
	Symbol string
	Name   string
	Price  float64   // US dollars
	Day    float64   // change over 24 hours, percent
	Week   float64   // change over 7 days, percent
	Cap    float64   // market capitalisation, US dollars
	At     time.Time // of the price
	Line   []Point   // the last seven days, oldest first; may be empty
}

// Market is the answer of a source.
type Market struct {
	Source  string
	Instead string           // the source that failed before this one was asked; "": none did
	At      time.Time        // when it was asked
	Quotes  map[string]Quote // by Coin.ID; one that is missing the source does not know
	Top     []Quote          // the hundred largest coins, for the movers; may be empty
}
