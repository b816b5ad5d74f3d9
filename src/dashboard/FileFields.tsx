import { useEffect } from 'preact/hooks';
import { limitWords } from './checkFile.js';
import { FileField } from './FileField.js';
import { acceptedBy, fits } from './inputs.js';
import type { Form } from './useForm.js';

/** A field for each file of a workflow. A pasted file goes into the first matching field, preferably an empty one. */
export function FileFields({ form: { fileInputs: inputs, filesOf, take, remove, limits } }: { form: Form }) {
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      const [file] = files;
      if (!file) return;
      const fitting = inputs.length === 1 ? inputs : inputs.filter((input) => fits(input, file));
      const input = fitting.find((one) => filesOf(one).length === 0) ?? fitting[0];
      const isMany = input !== undefined && filesOf(input).length > 1;
      if (input) void take(input, inputs.length === 1 ? files : [file], inputs.length === 1 && isMany);
    };
    document.addEventListener('paste', onPaste);
    return () => document.removeEventListener('paste', onPaste);
  });

  if (inputs.length === 0) return null;
  return (
    <div class="files">
      {inputs.map((input) => (
        <FileField
          key={input.name}
          input={input}
          isAlone={inputs.length === 1}
          files={filesOf(input)}
          hint={limitWords(input, limits)}
          accept={acceptedBy(input, limits)}
          onFiles={(files, isMore) => void take(input, files, isMore)}
          onRemove={(file) => remove(input, file)}
        />
      ))}
    </div>
  );
}
