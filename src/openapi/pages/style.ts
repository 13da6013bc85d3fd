/** How the pages look: of themselves alone, light or dark as the reader has it. */
export const style = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: light-dark(#0550ae, #79b8ff); }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; display: grid; grid-template-columns: 19rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; border-right: 1px solid var(--line); font-size: .875rem; }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0; }
nav li { overflow-wrap: anywhere; }
main { padding: 1rem 2rem 6rem; max-width: 70rem; }
a { color: var(--link); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
h2 { border-bottom: 1px solid var(--line); margin-top: 3rem; }
article, details.operation { border: 1px solid var(--line); border-radius: .5rem; margin: 1rem 0; padding: .75rem 1rem; }
article h3 { margin: 0; }
summary { cursor: pointer; }
.method { font: 600 .75rem ui-monospace, monospace; display: inline-block; min-width: 4rem; }
.quiet { opacity: .75; font-size: .875rem; }
code, pre, textarea, output { font: .875rem/1.45 ui-monospace, monospace; }
code { overflow-wrap: anywhere; }
pre, output { display: block; background: var(--soft); padding: .75rem; border-radius: .375rem; overflow: auto; white-space: pre-wrap; max-height: 32rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); }
form label { display: block; margin: .5rem 0; }
input, textarea, button { font: inherit; padding: .375rem .5rem; border: 1px solid var(--line); border-radius: .375rem; background: transparent; color: inherit; }
input, textarea { width: 100%; }
button { cursor: pointer; background: var(--soft); }
@media (max-width: 60rem) { body { display: block; } nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); } main { padding: 1rem; } }
@media print { nav, form { display: none; } body { display: block; } }
`;
