# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look of the report: light and dark, on a screen and on paper, without anything from elsewhere."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#586477;--line:#dde2e9;
--pass:#e3f4e8;--pass-ink:#12602c;--pass-edge:#1d8a42;--fail:#c4232b;--fail-ink:#fff;--fail-soft:#fdeceb;
--fail-text:#a3141c;
--warn:#fdf0cf;--warn-ink:#6d4500;--warn-edge:#b26a00;
--none:#eceff3;--none-ink:#586477}
@media (prefers-color-scheme:dark){:root{--bg:#10151c;--card:#19202a;--ink:#e6ebf2;--soft:#9aa8ba;--line:#2d3846;
--pass:#173625;--pass-ink:#93e0ac;--pass-edge:#3fb768;--fail:#d6383f;--fail-ink:#fff;--fail-soft:#3a1a1e;
--fail-text:#ff9c9c;
--warn:#3b2f12;--warn-ink:#f2cf7e;--warn-edge:#d69a35;
--none:#262f3b;--none-ink:#9aa8ba}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.45 system-ui,"Segoe UI","DejaVu Sans",sans-serif;
font-variant-numeric:tabular-nums}
header,main,footer{max-width:1320px;margin:0 auto;padding:0 24px}.compact :is(header,main,footer){max-width:none}
h1{font-size:26px;line-height:1.2;margin:0 0 4px}h2{font-size:18px;margin:0 0 4px}h3{font-size:15px;margin:0 0 4px}
p{margin:0 0 8px;color:var(--soft)}small{font-size:13px;font-weight:400;color:var(--soft)}
a{color:inherit}ul,ol{margin:0;padding:0;list-style:none}code{font-size:13px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.verdict{display:flex;gap:20px;align-items:center;padding-top:28px;padding-bottom:20px}
.mark{flex:none;width:76px;height:76px;border-radius:18px;display:grid;place-items:center;font-size:46px;
line-height:1;
font-weight:700;margin:0;color:#fff;background:var(--pass-edge)}.verdict.fail .mark{background:var(--fail)}
.verdict ul{display:flex;gap:8px;flex-wrap:wrap}
.chip{padding:2px 10px;border-radius:99px;font-weight:600;font-size:14px}
.chip.pass,td.pass{background:var(--pass);color:var(--pass-ink)}
.chip.warn,td.warn{background:var(--warn);color:var(--warn-ink);font-weight:600}
.chip.fail,td.fail{background:var(--fail);color:var(--fail-ink);font-weight:700}
.chip.unknown,td.unknown{background:var(--fail-soft);color:var(--fail-text);font-weight:700}
td.unknown{box-shadow:inset 0 0 0 2px var(--fail)}
.chip.not_run,td.not_run{background:var(--none);color:var(--none-ink)}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px 18px;margin:0 0 16px;
min-width:0}
.soon{border-color:var(--warn-edge);border-left-width:6px}.soon ul{padding-left:18px;list-style:disc}
.soon ul li{color:var(--ink)}.soon details{padding-left:18px}.soon summary{cursor:pointer;color:var(--soft)}
.note{margin:8px 0 0}
.legend ul{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));gap:2px 24px}
.legend li{display:flex;gap:10px;align-items:baseline;flex-wrap:wrap}.legend b{min-width:6em}
.wrong{border-color:var(--fail);border-left-width:6px}.wrong>ol>li{margin:12px 0 0}
.wrong ul{padding-left:18px;list-style:disc}.wrong ul li{margin:1px 0;color:var(--ink)}
.wrong details{padding-left:18px}.wrong summary{cursor:pointer;color:var(--soft)}
.remedy{background:var(--fail-soft);color:var(--ink);border-radius:8px;padding:6px 10px;margin:6px 0 0}
.ladder{display:flex;flex-wrap:wrap;gap:8px;margin:0 0 16px}
.step{display:block;padding:5px 12px;border:1px solid var(--line);border-radius:99px;background:var(--card);
text-decoration:none}
.step:hover,.step:focus-visible{border-color:var(--soft)}.step.pass b{color:var(--pass-edge)}
.step.warn b{color:var(--warn-edge)}.step.warn{border-color:var(--warn-edge)}
.step.fail{border-color:var(--fail);background:var(--fail-soft)}.step.fail b,.step.fail small{color:var(--fail-text)}
.step.unknown{border-color:var(--fail)}.step.unknown b,.step.unknown small{color:var(--fail-text)}
.step.not_run b{color:var(--soft)}
.layers{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,580px),1fr));gap:16px;margin:0 0 16px}
.layers section{margin:0;scroll-margin-top:12px}.layers section:target{outline:2px solid var(--soft)}
.compact .layers{grid-template-columns:repeat(auto-fit,minmax(min(100%,860px),1fr))}
#versions{grid-column:1/-1}
.layer h2>span:first-child{color:var(--pass-edge)}
.layer:has(td.warn) h2>span:first-child{color:var(--warn-edge)}
.layer:has(:is(td.fail,td.unknown)) h2>span:first-child{color:var(--fail-text)}
.scroll{overflow-x:auto;margin:0 -3px;padding:0 3px}
table{border-collapse:separate;border-spacing:3px;margin:0 -3px}
.roomy .matrix table{width:100%;table-layout:fixed}
.table table{min-width:60%}
th{font-weight:600;text-align:left;padding:4px 8px;white-space:nowrap}thead th{color:var(--soft);font-size:13px;
text-align:center}
.table thead th{white-space:normal}
.roomy .matrix th{overflow:hidden;text-overflow:ellipsis}.roomy .matrix .corner{width:116px}
.roomy .matrix td{overflow:hidden;text-overflow:ellipsis}
.wide .layers>.matrix{grid-column:1/-1}
tbody th{position:sticky;left:0;background:var(--card)}
.corner{font-weight:400;font-size:12px;color:var(--soft);text-align:left}
td{padding:5px 8px;border-radius:6px;text-align:center;white-space:nowrap}
td.fail{white-space:normal}
td.unknown,td.not_run,td.partly{
background-image:repeating-linear-gradient(135deg,transparent 0 5px,rgb(128 140 158/.16) 5px 7px)}
td.self{background:none}.matrix td.self::after{content:"·";color:var(--soft)}
.compact .matrix td,.compact .matrix th{padding:0;height:22px;min-width:22px;font-size:12px}
.compact .matrix td{border-radius:4px}.compact .matrix table{border-spacing:2px}
.compact .matrix tbody th{padding-right:8px}
.compact .matrix thead th{vertical-align:bottom;height:auto;padding:4px 0}
.compact .matrix thead span{writing-mode:vertical-rl;transform:rotate(180deg)}
.compact .matrix .corner{padding-right:8px}
#not-run ul{padding-left:18px;list-style:disc}
footer{color:var(--soft);font-size:13px;padding-bottom:28px}
@media print{:root{--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--pass:#e3f4e8;--pass-ink:#12602c;
--none:#eee;
--none-ink:#444;--fail-soft:#fdeceb}
body{font-size:11px;print-color-adjust:exact;-webkit-print-color-adjust:exact}header,main,footer{padding:0}
section{break-inside:avoid}.scroll{overflow:visible}nav{display:none}.layers{gap:10px}td,th{padding:2px 4px}}
""".strip()
