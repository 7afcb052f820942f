require 'openssl'

SECRET = '{{secret}}'

# Takes request.raw_post and the values of three headers. With Rails:
# genuine?(request.raw_post, *%w[id timestamp signature].map { |it| request.headers["webhook-#{it}"] })
def genuine?(body, id, timestamp, signatures, secret = SECRET)
  return false unless timestamp.to_s.match?(/\A\d+\z/) && (Time.now.to_i - timestamp.to_i).abs <= 300

  key = secret.delete_prefix('whsec_').unpack1('m')
  signed = "#{id}.#{timestamp}.".b + body.b
  expected = "v1,#{[OpenSSL::HMAC.digest('SHA256', key, signed)].pack('m0')}"
  signatures.to_s.split.any? do |signature|
    signature.bytesize == expected.bytesize && OpenSSL.fixed_length_secure_compare(signature, expected)
  end
end
