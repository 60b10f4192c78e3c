package report

// css is the style of the page, for the screen in light and dark and for
// paper. Nothing in it names another file.
const css = `
:root{color-scheme:light dark;--page:#f5f5f7;--card:#fff;--text:#1d1d1f;--soft:#63636a;--line:#dcdce0;--faint:#ececf0;--activity:#c2410c;--heart:#be123c;--sleep:#4338ca;--deep:#312e81;--core:#6366f1;--rem:#a5b4fc;--plain:#818cf8;--awake:#fcd34d;--body:#0f766e;--training:#15803d}
@media (prefers-color-scheme:dark){:root{--page:#0f1012;--card:#1b1c1f;--text:#f2f2f4;--soft:#a6a6ae;--line:#34353a;--faint:#26272b;--activity:#fb923c;--heart:#fb7185;--sleep:#a5b4fc;--deep:#6366f1;--core:#818cf8;--rem:#c7d2fe;--plain:#a5b4fc;--awake:#fde68a;--body:#2dd4bf;--training:#4ade80}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);font:15px/1.45 -apple-system,BlinkMacSystemFont,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
header,main,footer{max-width:1120px;margin:0 auto;padding:0 24px}
header{padding-top:40px}
h1{font-size:34px;line-height:1.15;letter-spacing:-.02em;margin:0 0 6px}
h2{font-size:22px;letter-spacing:-.01em;margin:44px 0 14px;padding-left:12px;border-left:4px solid var(--soft)}
h3{font-size:15px;font-weight:600;margin:0}
p{margin:0}
.soft,.note{color:var(--soft)}
.note{font-size:13px;margin-top:10px}
.skip{position:absolute;left:-9999px}
.skip:focus{left:16px;top:12px;background:var(--card);color:var(--text);padding:8px 12px;border-radius:8px}
a{color:inherit}
.activity{--c:var(--activity)}.heart{--c:var(--heart)}.sleep{--c:var(--sleep)}.body{--c:var(--body)}.workouts{--c:var(--training)}
h2.activity,h2.heart,h2.sleep,h2.body,h2.workouts{border-color:var(--c)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(196px,1fr));gap:14px;margin:28px 0 0;padding:0;list-style:none}
.cards a{display:block;height:100%;background:var(--card);border-radius:14px;padding:14px 16px;text-decoration:none;border-top:3px solid var(--c)}
.cards a:hover,.cards a:focus-visible{outline:2px solid var(--c);outline-offset:1px}
.cards .name{display:block;font-size:13px;color:var(--c);font-weight:600}
.cards .value{display:block;font-size:26px;font-weight:650;letter-spacing:-.01em;line-height:1.25}
.cards small{font-size:14px;font-weight:500;color:var(--soft);letter-spacing:0}
.cards .about{display:block;font-size:13px;color:var(--soft)}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));gap:16px}
.panel{background:var(--card);border-radius:16px;padding:18px 20px 14px;min-width:0;scroll-margin-top:12px}
.panel .top{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:2px 14px;margin-bottom:8px}
.panel h3{color:var(--c)}
.panel .facts{font-size:13px;color:var(--soft)}
figure{margin:0}
figcaption{font-size:12px;color:var(--soft);margin:8px 0 2px}
svg.chart{display:block;width:100%;height:auto;overflow:visible}
svg text{font-size:11px;fill:var(--soft);font-family:inherit}
.grid{stroke:var(--line);stroke-width:1}
.bar,.dot{fill:var(--c)}
.bar.part{fill-opacity:.4}
.bar:hover,.dot:hover{fill-opacity:.7}
.path{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.mean{stroke:var(--c);stroke-width:1.5;stroke-dasharray:4 4;stroke-opacity:.8}
.tick{stroke:var(--card);stroke-width:2}
.unread{fill:var(--faint)}
.s-deep{fill:var(--deep)}.s-core{fill:var(--core)}.s-rem{fill:var(--rem)}.s-plain{fill:var(--plain)}.s-awake{fill:var(--awake)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:12px;color:var(--soft);margin:8px 0 0;padding:0;list-style:none}
.legend svg{width:11px;height:11px;margin-right:6px;vertical-align:-1px}
details{margin-top:8px;font-size:13px}
summary{color:var(--soft);cursor:pointer;width:fit-content}
.wide{overflow-x:auto;background:var(--card);border-radius:16px;padding:6px 20px 10px}
table{border-collapse:collapse;width:100%;font-size:14px}
details table{font-size:13px;margin-top:6px}
caption{text-align:left;color:var(--soft);font-size:12px;padding:6px 0 2px}
th,td{text-align:left;padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:baseline;overflow-wrap:anywhere}
th{color:var(--soft);font-weight:500;font-size:13px;overflow-wrap:normal}
tbody th{color:var(--text);font-weight:500;font-size:inherit}
tbody tr:last-child>*{border-bottom:0}
.n{text-align:right;white-space:nowrap}
.d{white-space:nowrap}
footer{color:var(--soft);font-size:13px;padding-top:36px;padding-bottom:48px}
footer p+p{margin-top:6px}
@media (max-width:560px){header,main,footer{padding-left:16px;padding-right:16px}h1{font-size:28px}.panel{padding:14px 14px 10px}.cards{grid-template-columns:repeat(2,1fr);gap:10px}.cards .value{font-size:21px}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--text:#000;--soft:#444;--line:#ccc;--faint:#eee;--activity:#c2410c;--heart:#be123c;--sleep:#4338ca;--deep:#312e81;--core:#6366f1;--rem:#a5b4fc;--plain:#818cf8;--awake:#fcd34d;--body:#0f766e;--training:#15803d}
@page{margin:14mm}
body{font-size:11pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
header,main,footer{max-width:none;padding:0}
.skip,details{display:none}
h2{break-after:avoid}
.cards{grid-template-columns:repeat(5,1fr);gap:8px}
.cards a{padding:8px 10px}
.cards .about,.cards .name{font-size:8.5pt}
.cards small{font-size:9pt}
table{font-size:9pt}
th,td{padding:4px 8px 4px 0}
.cards li,.panel,tr{break-inside:avoid}
.cards a,.panel,.wide{border:1px solid var(--line)}
.cards a{border-top:3px solid var(--c)}
.panels{grid-template-columns:1fr 1fr}
.cards .value{font-size:16pt}}
`
