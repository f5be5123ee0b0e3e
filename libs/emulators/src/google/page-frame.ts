import { escapeHtml } from '../shared/html.ts';

/** A whole page; `title` is escaped here, `content` has to be HTML already. */
export function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} · Google Calendar emulator</title>
<style>${styles}</style>
</head>
<body>
<header><a href="/">Google Calendar emulator</a></header>
<main>${content}</main>
</body>
</html>
`;
}

const styles = `
:root { color-scheme: light dark; --line: light-dark(#dadce0, #444746); --soft: light-dark(#f1f3f4, #28292a); --ink: light-dark(#1f1f1f, #e3e3e3); --quiet: light-dark(#5f6368, #a8abae); --accent: light-dark(#0b57d0, #a8c7fa); --on-accent: light-dark(#fff, #062e6f); }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: light-dark(#fff, #131314); }
header { padding: .75rem 1.25rem; border-bottom: 1px solid var(--line); }
header a { color: inherit; text-decoration: none; font-weight: 600; }
main { max-width: 72rem; margin: 0 auto; padding: 1.25rem; }
h1 { font-size: 1.5rem; font-weight: 500; margin: 0 0 .5rem; }
h2 { font-size: 1.1rem; font-weight: 600; margin: 2rem 0 .5rem; }
a { color: var(--accent); }
small { color: var(--quiet); }
.card, fieldset { border: 1px solid var(--line); border-radius: .75rem; padding: 1rem; }
.card { max-width: 40rem; }
fieldset { margin: 0 0 1rem; }
legend { padding: 0 .4rem; color: var(--quiet); }
.choice { display: flex; gap: .6rem; align-items: baseline; padding: .3rem 0; }
.choice small { display: block; overflow-wrap: anywhere; }
.fields { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; }
.fields label { display: grid; gap: .2rem; font-size: .85rem; color: var(--quiet); }
input[type=text], input[type=date], input[type=time] { font: inherit; padding: .4rem .6rem; border: 1px solid var(--line); border-radius: .5rem; background: transparent; color: var(--ink); }
button { font: inherit; padding: .45rem 1rem; border: 1px solid var(--accent); border-radius: 2rem; background: var(--accent); color: var(--on-accent); cursor: pointer; }
button.plain { background: transparent; color: var(--accent); border-color: var(--line); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
nav.months { display: flex; gap: 1rem; align-items: center; margin: 1rem 0; }
table.month { border-collapse: collapse; width: 100%; table-layout: fixed; }
table.month th { font-weight: 500; font-size: .8rem; color: var(--quiet); padding: .3rem; text-align: left; }
table.month td { border: 1px solid var(--line); height: 6rem; vertical-align: top; padding: .25rem; }
table.month td.other { background: var(--soft); }
table.month td.today .day { background: var(--accent); color: var(--on-accent); border-radius: 1rem; padding: 0 .4rem; }
.day { font-size: .8rem; }
.event { display: block; margin-top: .2rem; padding: .1rem .4rem; border-radius: .35rem; font-size: .8rem; text-decoration: none; background: var(--accent); color: var(--on-accent); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.event.light { background: transparent; color: var(--accent); border: 1px solid var(--accent); }
ul.list { list-style: none; padding: 0; margin: 0; display: grid; gap: .75rem; }
ul.list li { border: 1px solid var(--line); border-radius: .75rem; padding: .75rem 1rem; }
ul.list li:target { outline: 2px solid var(--accent); }
pre { white-space: pre-wrap; margin: .25rem 0; font: inherit; color: var(--quiet); }
`;
