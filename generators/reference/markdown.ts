/** What stands at the top of every generated page. */
export const header = "<!-- Written by `npm run reference`; change the table it comes from instead. -->\n";

/** A text as the cell of a table takes it. */
export function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** Code as the cell of a table takes it. */
export function code(text: string): string {
  const fence = text.includes("`") ? "``" : "`";
  return `${fence}${cell(text)}${fence}`;
}

/** A table of rows that all have a title, without those that have nothing to say. */
export function facts(rows: readonly (readonly [title: string, text: string | undefined])[]): string {
  return ["| | |", "|---|---|", ...rows.flatMap(([title, text]) => (text === undefined || text === "" ? [] : [`| ${title} | ${text} |`]))].join("\n");
}

/** The anchor that a heading gets on GitHub. */
export function anchorOf(heading: string): string {
  return `#${heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")}`;
}

/** The address of a page of Istio, by what a table says of it. */
export function istioPage(docs: string): string {
  return `https://istio.io/latest/docs/${docs}`;
}
