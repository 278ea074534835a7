// The globals of a script, and the way out that only the library has.
const out = globalThis.__waybill_out;
delete globalThis.__waybill_out;
const { parse, stringify } = JSON;

export class Fault extends Error {
  constructor(fault) {
    super(fault.reason ?? fault.message ?? 'fault');
    this.name = 'Fault';
    this.object = 'fault';
    this.code = fault.code ?? 'kError';
    this.errCode = fault.errCode;
    this.status = fault.status ?? 500;
    this.reason = this.message;
  }
  static create(code, options) {
    return new Fault(typeof code === 'object' ? code : { ...options, code });
  }
  toJSON() {
    const { object, name, code, errCode, status, message, reason } = this;
    return { object, name, code, errCode, status, message, reason };
  }
}

export const native = (name, ...args) => parse(out(name, stringify(args)));

export function ask(name, ...args) {
  const reply = native(name, ...args);
  if (reply.fault) throw new Fault(reply.fault);
  return reply.value;
}

export const refuse = (code, status, reason) => { throw new Fault({ code, status, reason }); };

/** What was logged, as JSON can hold it: errors by their message, what has no JSON as text. */
export function loggable(value) {
  if (value instanceof Error) {
    const { name, message, stack, code, reason } = value;
    return { name, message, code, reason, stack };
  }
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function') return String(value);
  return value === undefined ? null : value;
}

export const environment = parse(out('environment', '[]'));

export const log = (level, values) => {
  let data;
  try {
    data = parse(stringify(values.map(loggable)));
  } catch (error) {
    data = ['[a value that cannot be written as JSON]'];
  }
  ask('logger.log', level, data);
};

let depth = environment.script.depth;
const used = () => native('used');
const principal = environment.script.principal;
export const script = Object.assign(environment.script, {
  as(who, options, run) {
    const act = typeof options === 'function' ? options : run;
    const id = String(who?._id ?? who);
    if (typeof act !== 'function') refuse('kInvalidArgument', 400, 'script.as(principal, options, function) takes a function');
    if (id !== principal._id && id !== principal.email) {
      refuse('kAccessDenied', 403, 'the script of an export acts as the account that it runs as, and as nobody else');
    }
    if (depth >= used().depth) refuse('kAccessDenied', 403, 'script.as is nested too deep');
    depth += 1;
    script.depth = depth;
    try {
      return act.call(undefined, principal);
    } finally {
      depth -= 1;
      script.depth = depth;
    }
  },
  exit() { refuse('kUnsupportedOperation', 400, 'script.exit is not available: return from the script instead'); },
  gc() { native('gc'); },
  getCalloutsRemaining: () => ask('script.left').callouts,
  getElapsedTime: () => used().elapsed,
  getMemoryFree: () => used().memoryLeft,
  getMemoryUsed: () => used().memory,
  getNotificationsRemaining: () => ask('script.left').notifications,
  getOpsRemaining: () => used().opsLeft,
  getOpsUsed: () => used().ops,
  getTimeLeft: () => used().timeLeft,
});

export const console = {
  log: (...values) => log('info', values),
  info: (...values) => log('info', values),
  warn: (...values) => log('warn', values),
  error: (...values) => log('error', values),
  debug: (...values) => log('debug', values),
  trace: (...values) => log('trace', values),
};

globalThis.script = script;
globalThis.console = console;
globalThis.Fault = Fault;
