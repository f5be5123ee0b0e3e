const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text made safe for HTML content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => entities[character] ?? character);
}

/** Markup that is already safe, as opposed to text that must be escaped. */
export interface Html {
  readonly markup: string;
}

type Part = Html | Html[] | string | number | undefined;

const render = (part: Part): string => {
  if (part === undefined) return '';
  if (Array.isArray(part)) return part.map(one => one.markup).join('');
  return typeof part === 'object' ? part.markup : escapeHtml(String(part));
};

/** Template tag: literals are markup, everything put in is escaped unless it is Html itself. */
export function html(literals: TemplateStringsArray, ...parts: Part[]): Html {
  return { markup: literals.map((literal, index) => literal + render(parts[index])).join('') };
}
