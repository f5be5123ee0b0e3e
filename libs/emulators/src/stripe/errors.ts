/** The `error` object of Stripe's answers (Stripe: API reference, Errors). */
export interface ErrorBody {
  type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';
  message: string;
  code?: string;
  param?: string;
  doc_url?: string;
  request_log_url?: string;
}

/** An error answer. `stored`: the endpoint had begun to execute, so an idempotency key keeps this answer. */
export class StripeFault extends Error {
  readonly status: number;
  readonly error: ErrorBody;
  readonly stored: boolean;

  constructor(status: number, error: ErrorBody, stored = false) {
    super(error.message);
    this.status = status;
    this.error =
      error.code === undefined
        ? error
        : { ...error, doc_url: `https://stripe.com/docs/error-codes/${error.code.replaceAll('_', '-')}` };
    this.stored = stored;
  }
}

/** 400 for a parameter that is missing, unknown or malformed: nothing was executed. */
export function invalidParam(param: string, message: string, code?: string): StripeFault {
  return new StripeFault(400, { type: 'invalid_request_error', message, param, ...(code ? { code } : {}) });
}

/** 400 for a request that the object's state does not allow: executed, so idempotency keys keep it. */
export function notAllowed(message: string, o: { code?: string; param?: string } = {}): StripeFault {
  return new StripeFault(400, { type: 'invalid_request_error', message, ...o }, true);
}

/** 404 for an id that does not exist; `param` is `id` in a path and the parameter's name elsewhere. */
export function noSuch(kind: string, id: string, param = 'id'): StripeFault {
  return new StripeFault(404, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${kind}: '${id}'`,
    param,
  });
}
