const lineWidth = 120;

/** JSON to read and to compare: what fits on a line stays on one, as the formatter has it. */
export const toJson = (value: unknown): string => `${write(value, 0, 0)}\n`;

/**
 * @param indent spaces before the line
 * @param taken characters that stand on the line already, or follow
 */
function write(value: unknown, indent: number, taken: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inline = onOneLine(value);
  if (indent > 0 && indent + taken + inline.length <= lineWidth) return inline;
  const inner = ' '.repeat(indent + 2);
  const rows = Array.isArray(value)
    ? value.map(item => write(item, indent + 2, 1))
    : Object.entries(value).map(([key, item]) => {
        const name = `${JSON.stringify(key)}: `;
        return name + write(item, indent + 2, name.length + 1);
      });
  const [start, end] = Array.isArray(value) ? '[]' : '{}';
  return rows.length === 0
    ? `${start}${end}`
    : `${start}\n${inner}${rows.join(`,\n${inner}`)}\n${' '.repeat(indent)}${end}`;
}

function onOneLine(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(', ')}]`;
  const fields = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${onOneLine(item)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}
