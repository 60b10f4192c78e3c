package appleexport

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/testenv"
)

func readAll(t testing.TB, r io.Reader) ([]Record, *Summary, error) {
	t.Helper()
	var all []Record
	sum, err := Read(context.Background(), r, func(r *Record) error {
		all = append(all, *r)
		return nil
	})
	return all, sum, err
}

func example(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/export.xml")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRead(t *testing.T) {
	got, sum, err := readAll(t, bytes.NewReader(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) int64 {
		d, err := time.Parse("2006-01-02 15:04:05 -0700", s)
		if err != nil {
			t.Fatal(err)
		}
		return d.Unix()
	}
	type want struct {
		t          health.Type
		start, end string
		value      float64
		unit       string
		source     string
		metadata   string
		zone       string
	}
	const watch = "A & B\u2019s \"Watch\""
	for i, w := range []want{
		{health.Steps, "2026-02-28 08:58:00 +0100", "2026-02-28 09:00:00 +0100", 120, "count", watch, "", ""},
		{health.Steps, "2026-02-28 08:58:00 +0100", "2026-02-28 09:00:00 +0100", 120, "count", watch, "", ""},
		{health.DistanceWalkingRunning, "2026-02-28 08:58:00 -0330", "2026-02-28 09:00:00 -0330", 799.137, "m", "x > y", "",
			"America/St_Johns"},
		{health.Weight, "2026-02-28 07:00:00 +0000", "2026-02-28 07:00:00 +0000", 72.5747792, "kg", "Scale", "", ""},
		{health.BodyTemperature, "2026-02-28 07:00:00 +0000", "2026-02-28 07:00:00 +0000", 37, "degC", "Health", "", ""},
		{health.HeartRateVariability, "2026-02-28 07:00:00 +0000", "2026-02-28 07:01:00 +0000", 0.0453421, "s", "Watch", "",
			""},
		{health.BloodOxygen, "2026-02-28 03:00:00 +0000", "2026-02-28 03:00:00 +0000", 0.97, "%", "Watch", "", ""},
		{health.StandHours, "2026-02-28 12:00:00 +0000", "2026-02-28 12:05:00 +0000", 3, "count", "Watch", "", ""},
		{health.VO2Max, "2026-02-28 12:00:00 +0000", "2026-02-28 12:00:00 +0000", 41.5, "mL/min·kg", "Watch", "", ""},
		{health.SleepAnalysis, "2026-02-27 23:00:00 +0000", "2026-02-27 23:30:00 +0000", 4, "category", "Watch",
			`{"sleepStage":"deep"}`, ""},
		{health.SleepAnalysis, "2016-02-27 23:00:00 +0000", "2016-02-28 06:30:00 +0000", 1, "category", "Old",
			`{"sleepStage":"asleep"}`, ""},
		{health.BloodPressureSystolic, "2026-02-28 08:00:00 +0000", "2026-02-28 08:00:00 +0000", 121, "mmHg", "Cuff", "", ""},
		{health.Workouts, "2026-02-28 18:00:00 +0000", "2026-02-28 18:40:00 +0000", 1830, "s", "Watch",
			`{"activityType":"running","durationSeconds":"1830","totalDistanceMeters":"5149.90",` +
				`"totalEnergyKilocalories":"239.01"}`, ""},
		{health.Workouts, "2026-02-27 18:00:00 +0000", "2026-02-27 18:45:00 +0000", 2700, "s", "Watch",
			`{"activityType":"other","durationSeconds":"2700","totalDistanceMeters":"1500.00",` +
				`"totalEnergyKilocalories":"321.46"}`, "Europe/Madrid"},
	} {
		if i >= len(got) {
			t.Fatalf("%d records", len(got))
		}
		g := got[i]
		if g.Type != w.t || g.Start != at(w.start) || g.End != at(w.end) || math.Abs(g.Value-w.value) > 1e-9 ||
			g.Unit != w.unit ||
			g.Source != w.source || g.Metadata != w.metadata || g.TimeZone != w.zone {
			t.Errorf("record %d:\n got %+v\nwant %+v", i, g, w)
		}
	}
	if len(got) != 14 || sum.Total() != 14 || sum.Records != 17 || sum.Workouts != 2 || sum.Nested != 1 ||
		sum.Faulty != 4 ||
		sum.Skipped["HKQuantityTypeIdentifierDietaryWater"] != 1 || len(sum.Skipped) != 1 || sum.Taken[health.Steps] != 2 ||
		sum.Exported.Unix() != at("2026-03-01 10:00:00 +0100") || !strings.Contains(sum.FirstFault, "Height without a date") {
		t.Errorf("%+v", sum)
	}
	if got[0].Created != at("2026-02-28 09:00:05 +0100") || got[2].Created != 0 {
		t.Error("creation dates")
	}
	ids := map[health.UUID]bool{}
	for _, g := range got {
		if ids[g.ID] || g.ID[6]>>4 != 8 || g.ID[8]>>6 != 2 {
			t.Errorf("%s is double or no version 8", g.ID)
		}
		ids[g.ID] = true
	}
}

// The same records have the same identities in a later export: with another
// memory address of the device, another time zone of the phone, and others
// around them.
func TestIdentitiesAreStable(t *testing.T) {
	text := string(example(t))
	first, _, err := readAll(t, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	later := strings.NewReplacer("0x2801", "0x1111", "0x2999", "0x2222",
		"2026-02-28 07:00:00 +0000", "2026-02-28 08:00:00 +0100", " <Me ", ` <Record `+
			`type="HKQuantityTypeIdentifierStepCount" sourceName="new" unit="count" startDate="2026-03-28 08:58:00 +0100" `+
			`endDate="2026-03-28 09:00:00 +0100" value="120"/><Me `).Replace(text)
	second, _, err := readAll(t, strings.NewReader(later))
	if err != nil || len(second) != len(first)+1 {
		t.Fatal(err, len(second))
	}
	for i := range first {
		if first[i].ID != second[i+1].ID {
			t.Errorf("%s of %s has another identity", first[i].Type, first[i].StartTime())
		}
	}
	other, _, err := readAll(t, strings.NewReader(strings.Replace(text, `value="160"`, `value="161"`, 1)))
	if err != nil || other[3].ID == first[3].ID || other[4].ID != first[4].ID {
		t.Error("another value, the same identity")
	}
}

// Whatever the reader gives at a time, the records are the same.
func TestReadersOfEveryKind(t *testing.T) {
	text := example(t)
	want, _, err := readAll(t, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	padded := append([]byte("<?xml version='1.0'?>\n<!--"+strings.Repeat("-. ", 80_000)+"-->"),
		text[len(`<?xml version="1.0" encoding="UTF-8"?>`):]...)
	for what, r := range map[string]io.Reader{
		"byte by byte":    iotest.OneByteReader(bytes.NewReader(text)),
		"halves":          iotest.HalfReader(bytes.NewReader(text)),
		"end with data":   iotest.DataErrReader(bytes.NewReader(text)),
		"across a buffer": bytes.NewReader(padded),
		"byte order mark": io.MultiReader(strings.NewReader("\ufeff"), bytes.NewReader(text)),
		"Windows lines":   bytes.NewReader(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))),
	} {
		got, _, err := readAll(t, r)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d records, %v", what, len(got), err)
		}
	}
}

func TestNotAnExport(t *testing.T) {
	text := string(example(t))
	var format *FormatError
	var cut *TruncatedError
	for what, in := range map[string]string{
		"nothing": "", "text": "hello", "JSON": `{"a":"<b>"}`,
		"other XML": `<?xml version="1.0"?><ClinicalDocument><Record/></ClinicalDocument>`,
		"binary":    "\x00<\xff\xfe<<<<", "two ends": "</HealthData>", "no name": `<HealthData><Record ` +
			`="steps"/></HealthData>`,
		"UTF-16": "\xff\xfe<\x00H\x00e\x00", "deep": "<HealthData>" + strings.Repeat("<a>", 1000),
		"endless tag": `<HealthData><Record type="` + strings.Repeat("x", 2*maxToken),
	} {
		if _, _, err := readAll(t, strings.NewReader(in)); !errors.As(err, &format) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, n := range []int{len(text) - 3, len(text) - len("</HealthData>\n"), len(text) / 2, strings.Index(text, "<Me")} {
		got, sum, err := readAll(t, strings.NewReader(text[:n]))
		if !errors.As(err, &cut) || int64(len(got)) != sum.Total() || cut.Offset > int64(n) {
			t.Errorf("cut at %d: %v, %d records", n, err, len(got))
		}
	}
	broken := errors.New("disk broken")
	_, _, err := readAll(t, io.MultiReader(strings.NewReader(text[:3000]), iotest.ErrReader(broken)))
	if !errors.As(err, &cut) || !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	mine := errors.New("stop")
	if _, err := Read(context.Background(), strings.NewReader(text),
		func(*Record) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, strings.NewReader(text), func(*Record) error { return nil }); !errors.Is(err,
		context.Canceled) {
		t.Errorf("%v", err)
	}
}

// What a source is called, as it stands in the XML.
func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a&amp;b": "a&b", "&lt;&gt;&quot;&apos;": `<>"'`, "&#65;&#x42;": "AB", "&#128512;": "😀",
		"&unknown;": "&unknown;", "&;": "&;", "a & b": "a & b", "&amp": "&amp", "&#10;": "\n",
		"a\nb\tc\rd": "a b c d", "a\xffb": "a\uFFFDb", "a\x0bb\uFFFFc": "a b\uFFFDc",
		"Ana\u2019s\u00a0X": "Ana\u2019s\u00a0X",
	} {
		got, _, err := readAll(t, strings.NewReader(`<HealthData><Record type="HKQuantityTypeIdentifierStepCount" value="1" `+
			`unit="count" startDate="2026-02-28 08:58:00 +0100" endDate="2026-02-28 08:58:00 +0100" sourceName="`+in+
			`" sourceName="the second counts for nothing"/></HealthData>`))
		if err != nil || len(got) != 1 || got[0].Source != want {
			t.Errorf("%q gives %v, %v, want %q", in, got, err, want)
		}
	}
}

func TestConvert(t *testing.T) {
	for _, c := range []struct {
		text, from, to string
		want           float64
	}{
		{"1.5", "km", "m", 1500}, {"0.799137", "km", "m", 799.137}, {"1", "mi", "m", 1609.344}, {"5", "ft", "m", 1.524},
		{"180", "cm", "m", 1.8},
		{"418.4", "kJ", "kcal", 100}, {"2500", "cal", "kcal", 2.5}, {"7", "Cal", "kcal", 7}, {"2", "hr", "min", 120},
		{"90", "s", "min", 1.5},
		{"45.1", "ms", "s", 0.0451}, {"1.2", "count/s", "count/min", 72}, {"16", "kPa", "mmHg", 120.00986},
		{"212", "degF", "degC", 100}, {"310.15", "K", "degC", 37},
		{"70500", "g", "kg", 70.5}, {"10", "st", "kg", 63.5029318}, {"1.5E2", "km", "m", 150_000},
		{"42", "mL/min·kg", "mL/min·kg", 42},
	} {
		if got, ok := convert(c.text, c.from, c.to); !ok || math.Abs(got-c.want) > 1e-5 {
			t.Errorf("%s %s are %v %s, want %v", c.text, c.from, got, c.to, c.want)
		}
	}
	if got, _ := convert("0.799137", "km", "m"); got != 799.137 {
		t.Errorf("a power of ten costs precision: %v", got)
	}
	for _, c := range [][3]string{{"1", "kg", "m"}, {"", "m", "m"}, {"x", "m", "m"}, {"NaN", "m", "m"},
		{"Inf", "km", "m"}, {"1e999", "m", "m"}, {"1", "", "m"}, {"1", "min", "count"}} {
		if got, ok := convert(c[0], c[1], c[2]); ok {
			t.Errorf("%v gives %v", c, got)
		}
	}
	// Every type has somewhere to go.
	for identifier, ty := range quantities {
		info, ok := health.Lookup(ty)
		if unit := info.Unit; !ok || ty != health.StandHours && conversions[unit][unit] != (conversion{}) ||
			len(conversions[unit]) == 0 {
			t.Errorf("%s", identifier)
		}
	}
}

func TestParseDate(t *testing.T) {
	for at := time.Date(1890, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2110; at = at.Add(1237*time.Hour +
		59*time.Minute + 7*time.Second) {
		for _, zone := range []int{0, 3600, -12600, 20700} {
			text := at.In(time.FixedZone("", zone)).Format("2006-01-02 15:04:05 -0700")
			if got, ok := parseDate(text); !ok || got != at.Unix() {
				t.Fatalf("%s is read as %d, want %d", text, got, at.Unix())
			}
		}
	}
	for _, bad := range []string{"", "2026-02-28", "2026-02-28T08:00:00 +0000", "2026-13-28 08:00:00 +0000",
		"2026-02-28 08:00:00 0000 ", "2026-02-28 08:60:00 +0000", "2026-02-28 08:00:00 +9900", "x026-02-28 08:00:00 +0000"} {
		if got, ok := parseDate(bad); ok {
			t.Errorf("%q is read as %d", bad, got)
		}
	}
}

func TestOpen(t *testing.T) {
	text := example(t)
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, b, 0o644)); err != nil {
			t.Fatal(err)
		}
		return name
	}
	archive := func(files ...string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, f := range files {
			w, err := z.Create(f)
			if err != nil {
				t.Fatal(err)
			}
			content := []byte(`<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3">` + strings.Repeat("<a/>",
				50_000) + `</ClinicalDocument>`)
			if !strings.Contains(f, "cda") && strings.HasSuffix(strings.ToLower(f), "xml") {
				content = text
			}
			if _, err := w.Write(content); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	write("unpacked/export_cda.xml", []byte("<ClinicalDocument/>"))
	write("unpacked/Exportar.xml", text)
	write("outer/apple_health_export/export.xml", text)
	for _, name := range []string{
		write("export.xml", text),
		write("export.zip", archive("apple_health_export/export_cda.xml", "apple_health_export/workout-routes/a.gpx",
			"apple_health_export/export.xml")),
		write("renamed.bin", archive("apple_health_export/导出.XML")),
		filepath.Join(dir, "unpacked"), filepath.Join(dir, "outer"),
	} {
		f, err := Open(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, _, err := readAll(t, f)
		if err != nil || len(got) != 14 || f.Size != int64(len(text)) || !strings.EqualFold(filepath.Ext(f.Name), ".xml") {
			t.Errorf("%s: %s, %d bytes, %d records, %v", name, f.Name, f.Size, len(got), err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	var format *FormatError
	for _, name := range []string{
		write("cda.zip", archive("export_cda.xml")), write("none.zip", archive("photo.jpeg")),
		write("empty.zip", archive()), write("empty/readme.txt", nil),
	} {
		if strings.HasSuffix(name, "readme.txt") {
			name = filepath.Dir(name)
		}
		if f, err := Open(name); !errors.As(err, &format) {
			t.Errorf("%s: %v %v", name, f, err)
		}
	}
	damaged := archive("apple_health_export/export.xml")
	if _, err := Open(write("damaged.zip", damaged[:len(damaged)/2])); err == nil {
		t.Error("half an archive is opened")
	}
	if _, err := Open(filepath.Join(dir, "missing.zip")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// FuzzRead: no input crashes, hangs or costs more memory than it is long.
func FuzzRead(f *testing.F) {
	f.Add(example(f))
	f.Add([]byte(`<HealthData><Record type="HKQuantityTypeIdentifierStepCount" value="1" unit="count" ` +
		`startDate="2026-02-28 08:58:00 +0100" endDate="2026-02-28 08:58:00 +0100"/>`))
	f.Add([]byte("<!DOCTYPE HealthData [ <!-- ]> --> ]><HealthData a='1' b=\"&#x41;\"/>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		sum, err := Read(context.Background(), iotest.HalfReader(bytes.NewReader(b)), func(r *Record) error {
			n++
			if r.Type == "" || r.Value != r.Value || r.Metadata != "" && !json.Valid([]byte(r.Metadata)) {
				t.Errorf("%+v", r)
			}
			return nil
		})
		if int64(n) != sum.Total() {
			t.Errorf("%d records, %+v, %v", n, sum, err)
		}
	})
}

// counted is what Python's own XML parser finds in an export: the number of
// samples and the sum of the values by type, in the export's units.
const counter = `
import sys, json, zipfile, xml.etree.ElementTree as ET
f = sys.argv[1]
if f.endswith('.zip'):
    z = zipfile.ZipFile(f)
    f = z.open([n for n in z.namelist() if n.endswith('.xml') and 'cda' not in n][0])
out = {}
for e in ET.parse(f).getroot():
    if e.tag == 'Workout':
        k, v = 'Workout', float(e.get('duration'))
    elif e.tag == 'Record':
        k = e.get('type') + ' ' + (e.get('unit') or e.get('value') or '')
        try: v = float(e.get('value') or 0)
        except ValueError: v = 0.0
    else: continue
    c = out.setdefault(k, [0, []]); c[0] += 1; c[1].append(v)
import math
print(json.dumps({k: [c[0], math.fsum(c[1])] for k, c in out.items()}))
`

// Real exports, counted by other means. They lie beside the repository, or
// where HEALTHSYNC_TESTDATA says; they are people's data and stay there.
func TestRealExports(t *testing.T) {
	dir := os.Getenv("HEALTHSYNC_TESTDATA")
	if dir == "" {
		dir = "../../../shared/testdata"
	}
	names, err := filepath.Glob(filepath.Join(dir, "analyst", "*.zip"))
	if err != nil {
		t.Fatal(err)
	}
	names = append(names, filepath.Join(dir, "hkimport-export.xml"))
	if _, err := os.Stat(names[len(names)-1]); err != nil {
		testenv.Missing(t, "the real exports are not in "+dir+": set HEALTHSYNC_TESTDATA")
	}
	python := testenv.NeedTool(t, "python3", "python3")
	for _, name := range names {
		out, err := exec.Command(python, "-c", counter, name).Output()
		if err != nil {
			t.Fatal(err)
		}
		var counted map[string]total
		if err := json.Unmarshal(out, &counted); err != nil {
			t.Fatal(err)
		}
		want, skipped := totals(counted)
		f, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		all, sum, err := readAll(t, f)
		if err := errors.Join(err, f.Close()); err != nil || sum.Faulty != 0 {
			t.Fatal(err, sum.FirstFault)
		}
		got, ids := map[health.Type]total{}, map[health.UUID]bool{}
		for _, r := range all {
			ids[r.ID] = true
			got[r.Type] = total{got[r.Type][0] + 1, got[r.Type][1] + r.Value}
		}
		if len(ids) != len(all) {
			t.Errorf("%s: %d identities of %d samples", name, len(ids), len(all))
		}
		for _, n := range sum.Skipped {
			skipped -= n
		}
		if len(want) != len(got) || skipped != 0 {
			t.Errorf("%s: %d types, counted %d; %d records skipped too few", name, len(got), len(want), skipped)
		}
		for ty, w := range want {
			g := got[ty]
			if g[0] != w[0] || math.Abs(g[1]-w[1]) > 1e-9*math.Max(1, math.Abs(w[1])) {
				t.Errorf("%s: %s: %v, counted %v", name, ty, g, w)
			}
		}
		t.Logf("%s: %d samples of %d types agree", filepath.Base(name), len(all), len(got))
	}
}

// total is a number of samples and the sum of their values.
type total [2]float64

// totals brings what Python counted to the app's types and units.
func totals(counted map[string]total) (want map[health.Type]total, skipped int64) {
	factor := map[string]float64{"km m": 1000, "mi m": 1609.344, "ms s": 0.001, "min s": 60}
	want = map[health.Type]total{}
	for key, c := range counted {
		identifier, unit, _ := strings.Cut(key, " ")
		ty, ok := quantities[identifier]
		value := c[1]
		switch {
		case identifier == "Workout":
			ty, unit = health.Workouts, "min"
		case identifier == sleepIdentifier:
			ty, value = health.SleepAnalysis, c[0]*float64(stages[unit])
		case !ok:
			skipped += int64(c[0])
			continue
		}
		info, _ := health.Lookup(ty)
		if f, ok := factor[unit+" "+info.Unit]; ok {
			value *= f
		}
		want[ty] = total{want[ty][0] + c[0], want[ty][1] + value}
	}
	return want, skipped
}

// BenchmarkRead is bound by encoding/xml.
func BenchmarkRead(b *testing.B) {
	var text bytes.Buffer
	text.WriteString("<HealthData>\n")
	const records = 100_000
	for i := range records {
		at := time.Unix(1_600_000_000+int64(i)*60, 0).UTC().Format("2006-01-02 15:04:05 -0700")
		fmt.Fprintf(&text, ` <Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Ana’s Apple Watch" `+
			`sourceVersion="11.2" device="&lt;&lt;HKDevice: 0x302f9bb60&gt;, name:Apple Watch, manufacturer:Apple Inc., `+
			`model:Watch, hardware:Watch6,7, software:11.2&gt;" unit="count/min" creationDate="%s" startDate="%s" `+
			`endDate="%s" value="%d"/>`+"\n", at, at, at, 60+i%40)
	}
	text.WriteString("</HealthData>\n")
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(context.Background(), bytes.NewReader(text.Bytes()),
			func(*Record) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(records*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
