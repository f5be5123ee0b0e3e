/** Form fields as a tree. Lists are objects with the keys 0, 1, 2 … until a schema says that they are lists. */
export interface FormTree {
  [key: string]: string | FormTree;
}

/**
 * Parses `application/x-www-form-urlencoded` with nested brackets, as Stripe's libraries send it:
 * `a[b]=1`, `a[0][b]=1`, `a[]=1`. A later value of the same name wins.
 */
export function parseForm(encoded: string): FormTree {
  const root = emptyTree();
  for (const [name, value] of new URLSearchParams(encoded)) {
    const keys = splitName(name);
    let node = root;
    keys.forEach((rawKey, index) => {
      const key = rawKey === '' ? String(Object.keys(node).length) : rawKey;
      if (index === keys.length - 1) {
        node[key] = value;
        return;
      }
      const child = node[key];
      const next = typeof child === 'object' ? child : emptyTree();
      node[key] = next;
      node = next;
    });
  }
  return root;
}

// Without a prototype, so that a field called __proto__ is only a field.
const emptyTree = (): FormTree => Object.create(null);

function splitName(name: string): string[] {
  const open = name.indexOf('[');
  if (open <= 0) return [name];
  const rest = [...name.slice(open).matchAll(/\[([^\]]*)\]/g)].map(match => match[1] ?? '');
  return [name.slice(0, open), ...rest];
}
