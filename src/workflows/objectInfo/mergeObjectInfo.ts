/**
 * Merges the `GET /object_info` responses of several machines, as if one machine had everything: all classes, and for inputs with
 * choices the choices of all machines. The rest of a class comes from the first machine that has it.
 */
import { jsonMembers } from '../../utils/jsonMembers.js';
import { isJsonObject, type Json, NumberText, stringifyJson } from '../../utils/losslessJson.js';
import { ClassInfo } from './ClassInfo.js';

/** Classes by name. */
export type ObjectInfo = ReadonlyMap<string, ClassInfo>;

type JsonObject = ReadonlyMap<string, Json>;

/** Reads the response of `GET /object_info`. @throws SyntaxError if it is no JSON object */
export function readObjectInfo(text: string): ObjectInfo {
  return new Map(Array.from(jsonMembers(text), ([name, info]) => [name, new ClassInfo(info)]));
}

export function mergeObjectInfo(answers: readonly ObjectInfo[]): ObjectInfo {
  // Equal machines share one object.
  const [first = new Map(), ...others] = new Set(answers);
  const merged = new Map<string, ClassInfo>(first);
  for (const other of others) {
    for (const [name, info] of other) {
      const known = merged.get(name);
      if (known === undefined) merged.set(name, info);
      else if (known.text !== info.text) merged.set(name, mergeClass(known, info));
    }
  }
  return merged;
}

/** Appends choices to one input of a class. */
export function withChoices(info: ClassInfo, input: string, choices: readonly Json[]): ClassInfo {
  const more = changeInputs(info.json, (name, declared) =>
    name === input ? addChoices(declared, choices) : declared,
  );
  return more === info.json ? info : new ClassInfo(stringifyJson(more));
}

/** The choices of a declared input, in either format that ComfyUI has used; undefined if it has no list. */
function choicesOf(declared: Json | undefined): readonly Json[] | undefined {
  if (!Array.isArray(declared)) return undefined;
  const [kind, options]: readonly Json[] = declared;
  if (Array.isArray(kind)) return kind;
  const listed = kind === 'COMBO' && isJsonObject(options) ? options.get('options') : undefined;
  return Array.isArray(listed) ? listed : undefined;
}

/** The inputs that a class declares, required ones first. */
export function declaredInputs(info: Json | undefined): readonly (readonly [name: string, declared: Json])[] {
  return GROUPS.flatMap((group) => [...(groupOf(info, group) ?? [])]);
}

/** Whether a class requires an input. */
export function isRequired(info: Json | undefined, input: string): boolean {
  return groupOf(info, 'required')?.has(input) === true;
}

const GROUPS = ['required', 'optional'] as const;

function groupOf(info: Json | undefined, group: (typeof GROUPS)[number]): JsonObject | undefined {
  const input = isJsonObject(info) ? info.get('input') : undefined;
  const inputs = isJsonObject(input) ? input.get(group) : undefined;
  return isJsonObject(inputs) ? inputs : undefined;
}

function mergeClass(known: ClassInfo, { json }: ClassInfo): ClassInfo {
  const others = new Map(declaredInputs(json));
  const merged = changeInputs(known.json, (name, declared) =>
    addChoices(declared, choicesOf(others.get(name)) ?? []),
  );
  return merged === known.json ? known : new ClassInfo(stringifyJson(merged));
}

function changeInputs(info: Json, change: (name: string, declared: Json) => Json): Json {
  if (!isJsonObject(info)) return info;
  const input = info.get('input');
  if (!isJsonObject(input)) return info;
  const groups = [...input].map(([group, inputs]): [string, Json] => {
    if (!isJsonObject(inputs) || group === 'hidden') return [group, inputs];
    return [group, new Map([...inputs].map(([name, declared]) => [name, change(name, declared)]))];
  });
  return new Map(info).set('input', new Map(groups));
}

function addChoices(declared: Json, choices: readonly Json[]): Json {
  const known = choicesOf(declared);
  if (!known || !Array.isArray(declared)) return declared;
  const keys = new Set(known.map(keyOf));
  const added = choices.filter((choice) => !keys.has(keyOf(choice)));
  if (added.length === 0) return declared;
  const all = [...known, ...added];
  const [kind, options, ...rest]: readonly Json[] = declared;
  if (Array.isArray(kind)) return [all, ...declared.slice(1)];
  return [kind ?? null, new Map(isJsonObject(options) ? options : []).set('options', all), ...rest];
}

/** A key that is the same for equal choices. */
function keyOf(choice: Json): string {
  return choice instanceof NumberText ? choice.text : JSON.stringify(choice);
}
