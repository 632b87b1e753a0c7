"""The page's style: one sheet, light and dark as the reader's system is, and for paper."""

STYLE = """
:root{color-scheme:light dark;--back:#f7f8fa;--card:#fff;--line:#d5dae1;--text:#1b2430;--muted:#55606e;--accent:#0b63b8;
--good:#1d7a35;--bad:#c02020;--warn:#8a4500;--soft:#e8f0f9;--good-back:#e6f5ea;--bad-back:#fdeaea;--warn-back:#fff4df}
@media (prefers-color-scheme:dark){:root{--back:#10151c;--card:#19212b;--line:#303b49;--text:#e7ecf2;--muted:#a5b1bf;
--accent:#6cb2f5;--good:#62c97d;--bad:#ff8080;--warn:#f0a860;--soft:#22303f;--good-back:#173022;--bad-back:#3a1d20;
--warn-back:#37290f}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Arial,
sans-serif}
main,header,nav,footer{max-width:60rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:0 0 .6rem}
h3{font-size:1rem;margin:1.2rem 0 .4rem}
p{margin:.4rem 0;max-width:48rem}
a{color:var(--accent)}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;padding:0;margin:1rem 0}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1.2rem 1.4rem;margin:1rem 0}
.muted{color:var(--muted)}
.tiles{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0 0;padding:0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.7rem 1rem;min-width:9rem}
.tile dt{color:var(--muted);font-size:.85rem}
.tile dd{margin:0;font-size:1.35rem;font-weight:600}
.tile dd small{display:block;font-size:.8rem;font-weight:400;color:var(--muted)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;font-size:.85rem;padding:.2rem 0}
th,td{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top;
overflow-wrap:anywhere}
th{font-weight:600;color:var(--muted);font-size:.85rem}
td.n,th.n{text-align:right;overflow-wrap:normal;white-space:nowrap}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.88rem}
pre{background:var(--soft);border-radius:6px;padding:.8rem 1rem;overflow-x:auto}
details{margin:.6rem 0}
summary{cursor:pointer;color:var(--accent)}
.finding{border-left:4px solid var(--line);padding:.1rem 0 .1rem .9rem;margin:.9rem 0}
.finding.certain{border-color:var(--bad)}
.finding.doubtful{border-color:var(--warn)}
.tag{display:inline-block;border-radius:4px;padding:0 .45rem;font-size:.8rem;font-weight:600}
.tag.certain{background:var(--bad-back);color:var(--bad)}
.tag.doubtful{background:var(--warn-back);color:var(--warn)}
.tag.good{background:var(--good-back);color:var(--good)}
svg{display:block;width:100%;max-width:44rem;height:auto;margin:.6rem 0}
svg text{fill:var(--text);font:12px system-ui,sans-serif}
svg .tick{fill:var(--muted);font-size:11px}
svg .bar{fill:var(--accent)}
svg .axis,svg .whisker{stroke:var(--muted);fill:none}
svg .grid{stroke:var(--line)}
svg .fold{fill:var(--accent);fill-opacity:.55}
svg .whole{stroke:var(--text);stroke-width:2}
svg .point{fill:var(--accent);fill-opacity:.45}
svg .line{stroke:var(--accent);fill:none;stroke-width:1.5}
svg .came{stroke:var(--text);fill:none;stroke-width:1.3}
svg .came-point{fill:var(--text)}
svg .forecast{stroke:var(--accent);fill:none;stroke-width:1.8;stroke-dasharray:5 3}
svg .forecast-point{fill:var(--accent)}
svg .band{fill:var(--accent);fill-opacity:.14}
svg .moment{stroke:var(--muted);stroke-dasharray:2 3}
svg .diagonal{stroke:var(--muted);stroke-dasharray:5 4}
.matrix td{text-align:center;border:1px solid var(--line);padding:.35rem .6rem}
.matrix td.right{font-weight:600}
footer{color:var(--muted);font-size:.85rem;padding-bottom:2rem}
@media print{body{background:#fff}section,.tile{border-color:#bbb;break-inside:avoid}nav{display:none}}
"""
