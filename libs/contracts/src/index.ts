export * from './availability.ts';
export * from './booking.ts';
export * from './calendar.ts';
export * from './civil-date.ts';
export { decodeCursor, pageOfRows } from './cursor.ts';
export * from './define.ts';
export * from './establishment.ts';
export * from './http.ts';
export {
  type Caller,
  type HttpRoute,
  needsCredential,
  nothing,
  type Problem,
  type ProblemCode,
  problem,
  problemCodes,
  problemCodesOf,
  problemKinds,
  problemStatus,
} from './http-route.ts';
export * from './payable.ts';
export * from './payment.ts';
export * from './price.ts';
export * from './rates.ts';
export * from './values.ts';
