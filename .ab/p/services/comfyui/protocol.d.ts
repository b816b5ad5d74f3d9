/**
 * What ComfyUI sends, as far as this server reads it. Unknown message types and fields are passed over, so that
 * a newer ComfyUI does not break anything; known ones that do not fit are reported as malformed.
 */
import { z } from 'zod';
declare const imageFile: z.ZodObject<{
    filename: z.ZodString;
    subfolder: z.ZodDefault<z.ZodString>;
    type: z.ZodDefault<z.ZodString>;
}, z.core.$strip>;
/** A file that an output node wrote, as `GET /view` takes it. */
export type ImageFile = z.output<typeof imageFile>;
declare const executionErrorData: z.ZodObject<{
    prompt_id: z.ZodString;
    node_id: z.ZodOptional<z.ZodNullable<z.ZodCoercedString<unknown>>>;
    node_type: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    exception_type: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    exception_message: z.ZodOptional<z.ZodNullable<z.ZodString>>;
}, z.core.$strip>;
export type ExecutionErrorData = z.output<typeof executionErrorData>;
/** Messages about one prompt. `status` is left out: it goes to everybody and tells nothing about a prompt. */
declare const promptMessage: z.ZodDiscriminatedUnion<[z.ZodObject<{
    type: z.ZodLiteral<"execution_start">;
    data: z.ZodObject<{
        prompt_id: z.ZodString;
    }, z.core.$strip>;
}, z.core.$strip>, z.ZodObject<{
    type: z.ZodLiteral<"execution_cached">;
    data: z.ZodObject<{
        prompt_id: z.ZodString;
        nodes: z.ZodArray<z.ZodString>;
    }, z.core.$strip>;
}, z.core.$strip>, z.ZodObject<{
    type: z.ZodLiteral<"progress_state">;
    data: z.ZodObject<{
        prompt_id: z.ZodString;
        nodes: z.ZodRecord<z.ZodString, z.ZodObject<{
            value: z.ZodNumber;
            max: z.ZodNumber;
            state: z.ZodString;
        }, z.core.$strip>>;
    }, z.core.$strip>;
}, z.core.$strip>, z.ZodObject<{
    type: z.ZodLiteral<"executing">;
    data: z.ZodObject<{
        prompt_id: z.ZodString;
        node: z.ZodNullable<z.ZodString>;
    }, z.core.$strip>;
}, z.core.$strip>, z.ZodObject<{
    type: z.ZodLiteral<"progress">;
    data: z.ZodObject<{
        prompt_id: z.ZodString;
        node: z.ZodOptional<z.ZodNullable<z.ZodString>>;
        value: z.ZodNumber;
        max: z.ZodNumber;
    }, z.core.$strip>;
}, z.core.$strip>, z.ZodObject<{
    type: z.ZodLiteral<"executed">;
    data: z.ZodObject<{
        prompt_id: z.ZodString;
        node: z.ZodString;
        output: z.ZodOptional<z.ZodNullable<z.ZodObject<{
            images: z.ZodOptional<z.ZodArray<z.ZodObject<{
                filename: z.ZodString;
                subfolder: z.ZodDefault<z.ZodString>;
                type: z.ZodDefault<z.ZodString>;
            }, z.core.$strip>>>;
        }, z.core.$strip>>>;
    }, z.core.$strip>;
}, z.core.$strip>, z.ZodObject<{
    type: z.ZodLiteral<"execution_success">;
    data: z.ZodObject<{
        prompt_id: z.ZodString;
    }, z.core.$strip>;
}, z.core.$strip>, z.ZodObject<{
    type: z.ZodLiteral<"execution_error">;
    data: z.ZodObject<{
        prompt_id: z.ZodString;
        node_id: z.ZodOptional<z.ZodNullable<z.ZodCoercedString<unknown>>>;
        node_type: z.ZodOptional<z.ZodNullable<z.ZodString>>;
        exception_type: z.ZodOptional<z.ZodNullable<z.ZodString>>;
        exception_message: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    }, z.core.$strip>;
}, z.core.$strip>, z.ZodObject<{
    type: z.ZodLiteral<"execution_interrupted">;
    data: z.ZodObject<{
        prompt_id: z.ZodString;
        node_id: z.ZodOptional<z.ZodNullable<z.ZodCoercedString<unknown>>>;
    }, z.core.$strip>;
}, z.core.$strip>], "type">;
export type PromptMessage = z.output<typeof promptMessage>;
export type ParsedFrame = {
    readonly kind: 'message';
    readonly message: PromptMessage;
} | {
    readonly kind: 'ignored';
} | {
    readonly kind: 'malformed';
    readonly reason: string;
};
/** Reads one text frame of ComfyUI's WebSocket. Never throws. */
export declare function parseFrame(text: string): ParsedFrame;
/** Answer of `POST /prompt`. */
export declare const submitAnswer: z.ZodObject<{
    prompt_id: z.ZodString;
}, z.core.$strip>;
/** Refusal of `POST /prompt` (400). */
export declare const submitRefusal: z.ZodObject<{
    error: z.ZodUnion<readonly [z.ZodObject<{
        type: z.ZodOptional<z.ZodString>;
        message: z.ZodString;
        details: z.ZodOptional<z.ZodString>;
    }, z.core.$strip>, z.ZodPipe<z.ZodString, z.ZodTransform<{
        type: undefined;
        message: string;
        details: undefined;
    }, string>>]>;
    node_errors: z.ZodDefault<z.ZodUnion<[z.ZodRecord<z.ZodString, z.ZodObject<{
        class_type: z.ZodOptional<z.ZodString>;
        errors: z.ZodDefault<z.ZodArray<z.ZodObject<{
            type: z.ZodOptional<z.ZodString>;
            message: z.ZodString;
            details: z.ZodOptional<z.ZodString>;
        }, z.core.$strip>>>;
    }, z.core.$strip>>, z.ZodPipe<z.ZodArray<z.ZodUnknown>, z.ZodTransform<{}, unknown[]>>]>>;
}, z.core.$strip>;
declare const historyEntry: z.ZodObject<{
    outputs: z.ZodDefault<z.ZodRecord<z.ZodString, z.ZodOptional<z.ZodNullable<z.ZodObject<{
        images: z.ZodOptional<z.ZodArray<z.ZodObject<{
            filename: z.ZodString;
            subfolder: z.ZodDefault<z.ZodString>;
            type: z.ZodDefault<z.ZodString>;
        }, z.core.$strip>>>;
    }, z.core.$strip>>>>>;
    status: z.ZodOptional<z.ZodNullable<z.ZodObject<{
        status_str: z.ZodString;
        completed: z.ZodOptional<z.ZodBoolean>;
        messages: z.ZodDefault<z.ZodArray<z.ZodTuple<[z.ZodString, z.ZodUnknown], null>>>;
    }, z.core.$strip>>>;
}, z.core.$strip>;
/** One finished prompt of `GET /history/{id}`. */
export type HistoryEntry = z.output<typeof historyEntry>;
/** Answer of `GET /history/{id}`: empty for an id that is unknown or not finished. */
export declare const historyAnswer: z.ZodRecord<z.ZodString, z.ZodObject<{
    outputs: z.ZodDefault<z.ZodRecord<z.ZodString, z.ZodOptional<z.ZodNullable<z.ZodObject<{
        images: z.ZodOptional<z.ZodArray<z.ZodObject<{
            filename: z.ZodString;
            subfolder: z.ZodDefault<z.ZodString>;
            type: z.ZodDefault<z.ZodString>;
        }, z.core.$strip>>>;
    }, z.core.$strip>>>>>;
    status: z.ZodOptional<z.ZodNullable<z.ZodObject<{
        status_str: z.ZodString;
        completed: z.ZodOptional<z.ZodBoolean>;
        messages: z.ZodDefault<z.ZodArray<z.ZodTuple<[z.ZodString, z.ZodUnknown], null>>>;
    }, z.core.$strip>>>;
}, z.core.$strip>>;
/** The `execution_error` that a failed history entry keeps among its messages. */
export declare function historyError(entry: HistoryEntry): ExecutionErrorData | undefined;
/** Answer of `GET /queue`, reduced to the prompt ids. */
export declare const queueAnswer: z.ZodObject<{
    queue_running: z.ZodArray<z.ZodPipe<z.ZodTuple<[z.ZodUnknown, z.ZodString], z.ZodUnknown>, z.ZodTransform<string, [unknown, string, ...unknown[]]>>>;
    queue_pending: z.ZodArray<z.ZodPipe<z.ZodTuple<[z.ZodUnknown, z.ZodString], z.ZodUnknown>, z.ZodTransform<string, [unknown, string, ...unknown[]]>>>;
}, z.core.$strip>;
/** Answer of `GET /system_stats`, of which only the version is of use. */
export declare const systemStats: z.ZodObject<{
    system: z.ZodOptional<z.ZodObject<{
        comfyui_version: z.ZodOptional<z.ZodString>;
    }, z.core.$strip>>;
}, z.core.$strip>;
declare const nodeInfo: z.ZodObject<{
    input: z.ZodObject<{
        required: z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodArray<z.ZodUnknown>>>;
        optional: z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodArray<z.ZodUnknown>>>;
    }, z.core.$strip>;
}, z.core.$strip>;
export type NodeInfo = z.output<typeof nodeInfo>;
/** Answer of `GET /object_info/{class}`: `{}` for a class that the instance does not have. */
export declare const objectInfoAnswer: z.ZodRecord<z.ZodString, z.ZodObject<{
    input: z.ZodObject<{
        required: z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodArray<z.ZodUnknown>>>;
        optional: z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodArray<z.ZodUnknown>>>;
    }, z.core.$strip>;
}, z.core.$strip>>;
/**
 * The values that an input of a node takes, from its object info. Both forms that ComfyUI has used are read:
 * `[["a", "b"], {…}]` and `["COMBO", { options: ["a", "b"] }]`.
 * @returns undefined when the input is no list of choices
 */
export declare function choicesOf(info: NodeInfo, input: string): readonly string[] | undefined;
export {};
