/** A patch without the fields that were left out. */
export const definedOf = <P extends object>(patch: P): { [K in keyof P]?: Exclude<P[K], undefined> } => {
  const given: { [K in keyof P]?: Exclude<P[K], undefined> } = {};
  for (const key in patch) {
    const value = patch[key];
    if (isDefined(value)) given[key] = value;
  }
  return given;
};

const isDefined = <T>(value: T): value is Exclude<T, undefined> => value !== undefined;
