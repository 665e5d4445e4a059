/** An app in the form that Heroku's clients read (docs/spec/apis.md#p2-2). */
import type { AppRecord } from "../../registry/records.ts";
import { count, flag, object, optionalText, optionalTime, text, time, uuid } from "../schemas.ts";
import { operatorUser } from "./account.ts";

const named = object({ id: uuid, name: text });
const nothing = { ...object({}), nullable: true };

export const appReply = object({
  id: uuid,
  name: text,
  generation: named,
  owner: object({ id: uuid, email: text }),
  region: named,
  stack: named,
  build_stack: named,
  web_url: optionalText,
  git_url: text,
  acm: flag,
  maintenance: flag,
  archived_at: optionalTime,
  create_status: text,
  repo_size: count,
  slug_size: count,
  space: nothing,
  team: nothing,
  organization: nothing,
  internal_routing: { ...flag, nullable: true },
  created_at: time,
  updated_at: time,
  released_at: optionalTime,
});

const generations = {
  cedar: { id: "00000000-0000-4000-8000-000000000001", name: "cedar" },
  fir: { id: "00000000-0000-4000-8000-000000000004", name: "fir" },
} as const;

// Heroku's clients read these fields, even if they mean nothing here.
export const platform = {
  owner: operatorUser,
  region: { id: "00000000-0000-4000-8000-000000000002", name: "here" },
  stack: { id: "00000000-0000-4000-8000-000000000003", name: "none" },
  build_stack: { id: "00000000-0000-4000-8000-000000000003", name: "none" },
  web_url: null,
  git_url: "",
  acm: false,
  maintenance: false,
  archived_at: null,
  create_status: "complete",
  repo_size: 0,
  slug_size: 0,
  space: null,
  team: null,
  organization: null,
  internal_routing: null,
  released_at: null,
};

export const replyOf = ({ id, name, generation, createdAt, updatedAt }: AppRecord) => ({
  ...platform,
  generation: generations[generation ?? "cedar"],
  id,
  name,
  created_at: createdAt,
  updated_at: updatedAt,
});
