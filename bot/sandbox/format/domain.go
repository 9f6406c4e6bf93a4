package format

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// properURL cuts unpaired brackets off the end of an address and checks its host; empty if it is none.
// Source: MessageEntity.cpp: fix_url.
func properURL(url string) string {
	rest, scheme := url, false
	for _, s := range []string{"http://", "https://", "ftp://", "tonsite://"} {
		if cut, ok := cutFold(url, s); ok {
			rest, scheme = cut, true
			break
		}
	}
	domain, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		domain, path = rest[:i], rest[i:]
	}
	if _, host, ok := strings.Cut(domain, "@"); ok {
		domain = host
	}
	if i := strings.LastIndexByte(domain, ':'); i >= 0 {
		domain = domain[:i]
	}
	if lower(domain) == "teiegram.org" || !isHost(domain, scheme) {
		return ""
	}
	return url[:len(url)-len(path)+balanced(path)]
}

// balanced is how much of a path comes before the first closing bracket without an opening one.
func balanced(path string) int {
	var depth [3]int
	n := 0
	for ; n < len(path); n++ {
		if i := strings.IndexByte("([{", path[n]); i >= 0 {
			depth[i]++
		} else if i := strings.IndexByte(")]}", path[n]); i >= 0 {
			if depth[i]--; depth[i] < 0 {
				break
			}
		}
	}
	for n > 0 && strings.IndexByte(pathEnd, path[n-1]) >= 0 {
		n--
	}
	return n
}

// isHost says whether s is an address of IPv4 or a name; a name needs a common top-level domain unless a scheme
// stands before it.
func isHost(s string, scheme bool) bool {
	parts := strings.Split(s, ".")
	if len(parts) < 2 || slices.ContainsFunc(parts, func(p string) bool {
		return p == "" || len(p) >= 64 || strings.HasSuffix(p, "-")
	}) {
		return false
	}
	if len(parts) == 4 && !slices.ContainsFunc(parts, func(p string) bool { return !isOctet(p) }) {
		return true
	}
	if strings.Trim(s, ".0123456789") == "" {
		return false
	}
	top := parts[len(parts)-1]
	if puny, ok := strings.CutPrefix(top, "xn--"); ok {
		if len(puny) < 2 || strings.ContainsAny(puny, "_-~") || !isLabel(puny) {
			return false
		}
	} else if utf8.RuneCountInString(top) < 2 || strings.ContainsAny(top, "_-") || !scheme && !isCommonDomain(top) {
		return false
	}
	return !strings.Contains(parts[len(parts)-2], "_")
}

func isOctet(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n < 256 && strconv.Itoa(n) == s
}

// isCommonDomain knows the domains of the countries and the usual others. A word that only begins with a capital letter
// begins a sentence (MessageEntity.cpp: is_common_tld, whose list is the whole one of IANA).
func isCommonDomain(top string) bool {
	small := strings.ToLower(top)
	if small != top {
		_, n := utf8.DecodeRuneInString(small)
		_, m := utf8.DecodeRuneInString(top)
		if small[n:] == top[m:] {
			return false
		}
	}
	_, ok := domains()[small]
	return ok
}

var domains = sync.OnceValue(func() map[string]struct{} {
	m := map[string]struct{}{}
	for name := range strings.FieldsSeq(countryDomains + genericDomains + otherDomains) {
		m[name] = struct{}{}
	}
	return m
})

// The top-level domains of the countries; of general use; not of ASCII.
const (
	countryDomains = `ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bv bw by bz
ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf
gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw
ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no
np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su
sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw
`
	genericDomains = `academy accountant accountants actor ads adult aero africa agency airforce apartments app army art
asia associates attorney auction audio auto autos baby band bank bar bargains beer best bet bible bid bike bingo bio biz black
blackfriday blog blue boats boo book bot boutique box broker build builders business buy buzz cab cafe cam camera camp capital car
cards care career careers cars casa cash casino cat catering center ceo cern channel chat cheap christmas church city claims
cleaning click clinic clothing cloud club coach codes coffee college com community company compare computer condos construction
consulting contact contractors cooking cool coop country coupon coupons courses credit creditcard cricket cruises dad dance data
date dating day deal deals degree delivery democrat dental dentist desi design dev diamonds diet digital direct directory discount
dog domains download drive earth eat eco edu education email energy engineer engineering enterprises equipment esq estate events
exchange expert exposed express fail faith family fan fans farm fashion feedback film final finance financial fish fishing fit
fitness flights florist flowers fly foo food football forex forsale forum foundation free fun fund furniture futbol fyi gallery
game games garden gay gdn gift gifts glass global gmbh gold golf google gov graphics gratis green gripe grocery group guide guitars
guru hair haus health healthcare help hiphop hiv hockey holdings holiday homes horse hospital host hosting hot hotels house how ico
immo inc industries info ing ink institute insurance insure int international investments irish jetzt jewelry jobs kids
kim kitchen land lat law lawyer lease legal lgbt life lifestyle lighting limited limo link live living llc loan loans lol london lotto
love ltd ltda luxe luxury maison makeup management map market marketing markets mba med media meet meme memorial men menu miami mil
mobi moda moe moi mom money monster mortgage moscow moto motorcycles mov movie museum music name navy net network new news ngo ninja
now nyc observer off okinawa one ong onl online ooo open org organic page paris parts party pay pet pets phd photo photography photos
pics pictures pink pizza place play plumbing plus poker porn post press prime pro productions prof promo properties property pub
quebec quest racing read realestate realtor recipes red rehab reise reisen rent rentals repair report republican rest restaurant
review reviews rich rip rocks rodeo room rsvp run safe sale salon save saarland school schule science secure security select services
sex sexy shoes shop shopping show singles site ski skin soccer social software solar solutions song space spa sport spot srl store
stream studio study style sucks supplies supply support surf surgery sydney systems talk tattoo tax taxi team tech technology tel
tennis theater theatre tickets tienda tips tires today tokyo ton tools top tours town toys trade trading training travel trust tube
uno university vacations vegas ventures versicherung vet video viajes villas vin vip vision vodka vote voting voyage wales wang watch
watches weather webcam website wed wedding wien wiki win wine work works world wow wtf xin xxx xyz yachts yoga yokohama you youtube
zero zip zone
`
	otherDomains = `ελ ευ бг бел дети ею ком мкд мон москва онлайн орг рус рф сайт срб укр қаз
հայ ישראל قطر مصر ایران عرب भारत
ไทย გე みんな 中国 中國 中文网 公司 网站 网络 한국 닷컴 台湾 台灣 香港`
)
