import { optionalInteger, type Values } from './fields.js';

/** ComfyUI's own API, on its own port. */
export const nativeVariables = {
  COMFYUI_API_PORT: optionalInteger(0, 65_535).meta({
    meaning: "Port of [ComfyUI's own API](Native_API.md) over the whole fleet. Unset: off. 0: any free port.",
  }),
};

export const nativeConfig = (env: Values<typeof nativeVariables>) => ({
  /** `undefined`: the API is off. */
  port: env.COMFYUI_API_PORT,
});
