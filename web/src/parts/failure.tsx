/** Why what the user asked for did not happen; nothing while there is no failure. Screen readers read it at once. */
export const Failure = ({ text }: { text: string }) =>
  text === "" ? null : (
    <p class="failure" role="alert">
      {text}
    </p>
  );
