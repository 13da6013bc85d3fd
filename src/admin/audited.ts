/** Around every route that changes something: it is written down before it is done (A9). */
import type { AuditAct, Auditor } from '../core/audit.ts';
import type { Json, JsonObject } from '../core/call.ts';
import { asFailure } from '../core/failure.ts';
import type { Around, RefusedRequest } from './register.ts';
import { type AdminCall, type AdminRoute, changesSomething } from './route.ts';

export function audited(auditor: Auditor): Around {
  return async (row, call, next) => {
    if (!changesSomething(row)) return await next();
    const end = await auditor.begin(actOf(row, call));
    try {
      const answer = await next();
      await end(answer.status < 400 ? 'done' : 'failed');
      return answer;
    } catch (thrown) {
      const { code, message } = asFailure(thrown);
      await end('failed', { detail: { code, message } });
      throw thrown;
    }
  };
}

/** A credential that is none of ours, or a role that may not. */
export function auditRefused(auditor: Auditor): (refused: RefusedRequest) => void {
  return ({ actor, row, address }) => {
    auditor.refuse({
      actor: actor?.name ?? '',
      tenant: actor?.tenant ?? '',
      address,
      action: actor === undefined ? 'admin.sign-in' : (row?.name ?? 'admin'),
      object: '',
      detail: {},
    });
  };
}

function actOf(row: AdminRoute, call: AdminCall): AuditAct {
  const { actor, address } = call;
  const detail: JsonObject = row.detail?.(call) ?? { fields: fieldsOf(call.body) };
  // Whose log it belongs in: the tenant's whose things are changed.
  const tenant = row.scope === 'tenant' ? call.tenant : actor.tenant;
  // In two tenants two may have one name.
  const whose = actor.tenant === tenant ? {} : { actorTenant: actor.tenant };
  return {
    actor: actor.name,
    tenant,
    address,
    action: row.name,
    object: row.object?.(call) ?? nameIn(call.params) ?? nameIn(call.body) ?? '',
    detail: { ...detail, how: actor.how, ...whose },
  };
}

function nameIn(given: unknown): string | undefined {
  const name = typeof given === 'object' && given !== null && 'name' in given ? given.name : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** Their names alone: what was sent may be a secret. */
function fieldsOf(body: unknown): Json {
  return typeof body === 'object' && body !== null ? Object.keys(body) : [];
}
