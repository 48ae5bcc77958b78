"""Cities with the range of their post codes, and well-known streets with their districts.

Source of the ranges: Correios, Busca Faixa de CEP. Streets and districts exist. A post code is inside its city's range,
but is not the code of the single street.
"""

from typing import NamedTuple

from midaz_seed.plan.drawing.bits import Bits
from midaz_seed.plan.people.weights import Weighted, pick

HOUSE_NUMBER_MAX = 2400


class City(NamedTuple):
    """A city."""

    name: str
    state: str
    post_codes: tuple[int, int]
    """The lowest and the highest five digits before the hyphen."""
    streets: tuple[tuple[str, str], ...]
    """Streets with their district."""


class Address(NamedTuple):
    """An address."""

    line1: str
    """Street and number."""
    district: str
    zip_code: str
    """Post code with the hyphen: 01310-100."""
    city: str
    state: str


def _streets(text: str) -> tuple[tuple[str, str], ...]:
    """Read `street | district; street | district`; a line break is a space."""
    pairs = [entry.split(" | ") for entry in " ".join(text.split()).split("; ")]
    return tuple((street, district) for street, district in pairs)


CITIES = Weighted(
    (
        (
            City(
                "São Paulo",
                "SP",
                (1000, 5999),
                _streets("""
                Avenida Paulista | Bela Vista; Avenida Brigadeiro Faria Lima | Itaim Bibi; Rua Augusta | Consolação;
                Avenida Engenheiro Luís Carlos Berrini | Brooklin; Rua Oscar Freire | Jardins; Avenida Ipiranga |
                República; Rua da Consolação | Consolação; Avenida Rebouças | Pinheiros; Rua Vergueiro | Vila Mariana;
                Rua Domingos de Morais | Vila Mariana; Avenida Ibirapuera | Moema; Rua Teodoro Sampaio | Pinheiros;
                Avenida Angélica | Higienópolis; Rua Haddock Lobo | Cerqueira César; Avenida São João | República; Rua
                da Mooca | Mooca; Rua Tuiuti | Tatuapé; Rua Clélia | Lapa
            """),
            ),
            1145,
        ),
        (
            City(
                "Campinas",
                "SP",
                (13000, 13139),
                _streets("""
                Avenida Francisco Glicério | Centro; Rua Barão de Jaguara | Centro; Avenida Norte-Sul | Cambuí; Rua
                Coronel Quirino | Cambuí; Avenida Orosimbo Maia | Centro; Avenida Brasil | Jardim Guanabara; Avenida
                Barão de Itapura | Botafogo; Rua General Osório | Centro; Rua Conceição | Centro; Avenida Moraes Salles
                | Centro; Avenida Andrade Neves | Botafogo; Avenida John Boyd Dunlop | Jardim Garcia; Avenida das
                Amoreiras | Parque Itália; Rua Sampainho | Cambuí; Avenida Albino José Barbosa de Oliveira | Barão
                Geraldo
            """),
            ),
            114,
        ),
        (
            City(
                "Rio de Janeiro",
                "RJ",
                (20000, 23799),
                _streets("""
                Avenida Rio Branco | Centro; Avenida Presidente Vargas | Centro; Avenida Atlântica | Copacabana; Avenida
                Nossa Senhora de Copacabana | Copacabana; Rua Visconde de Pirajá | Ipanema; Avenida Vieira Souto |
                Ipanema; Avenida Ataulfo de Paiva | Leblon; Praia de Botafogo | Botafogo; Rua Voluntários da Pátria |
                Botafogo; Rua das Laranjeiras | Laranjeiras; Rua Conde de Bonfim | Tijuca; Rua Haddock Lobo | Tijuca;
                Avenida das Américas | Barra da Tijuca; Rua Dias da Cruz | Méier; Rua do Ouvidor | Centro; Rua Barata
                Ribeiro | Copacabana; Rua do Catete | Catete
            """),
            ),
            621,
        ),
        (
            City(
                "Niterói",
                "RJ",
                (24000, 24399),
                _streets("""
                Avenida Ernani do Amaral Peixoto | Centro; Rua da Conceição | Centro; Rua Visconde do Rio Branco |
                Centro; Rua Coronel Moreira César | Icaraí; Rua Gavião Peixoto | Icaraí; Praia de Icaraí | Icaraí;
                Avenida Roberto Silveira | Icaraí; Rua Lopes Trovão | Icaraí; Avenida Marquês do Paraná | Centro;
                Alameda São Boaventura | Fonseca; Rua Noronha Torrezão | Santa Rosa; Rua Doutor Mário Viana | Santa
                Rosa; Estrada Francisco da Cruz Nunes | Itaipu; Avenida Rui Barbosa | São Francisco; Avenida Quintino
                Bocaiúva | São Francisco
            """),
            ),
            48,
        ),
        (
            City(
                "Belo Horizonte",
                "MG",
                (30000, 31999),
                _streets("""
                Avenida Afonso Pena | Centro; Avenida do Contorno | Savassi; Avenida Amazonas | Centro; Rua da Bahia |
                Lourdes; Avenida Cristóvão Colombo | Savassi; Avenida Getúlio Vargas | Savassi; Rua Pernambuco |
                Savassi; Avenida Raja Gabaglia | Estoril; Avenida Nossa Senhora do Carmo | Sion; Rua dos Guajajaras |
                Centro; Rua Espírito Santo | Centro; Rua São Paulo | Lourdes; Avenida Antônio Carlos | Pampulha; Avenida
                Otacílio Negrão de Lima | Pampulha; Avenida Silviano Brandão | Horto; Rua Padre Eustáquio | Padre
                Eustáquio; Rua Pium-í | Sion
            """),
            ),
            231,
        ),
        (
            City(
                "Salvador",
                "BA",
                (40000, 41999),
                _streets("""
                Avenida Sete de Setembro | Centro; Avenida Tancredo Neves | Caminho das Árvores; Avenida Oceânica |
                Barra; Rua Chile | Centro; Avenida Manoel Dias da Silva | Pituba; Avenida Paulo VI | Pituba; Rua Carlos
                Gomes | Centro; Avenida Antônio Carlos Magalhães | Itaigara; Avenida Octávio Mangabeira | Boca do Rio;
                Rua da Paciência | Rio Vermelho; Avenida Cardeal da Silva | Federação; Avenida Luís Viana | Paralela;
                Rua Marquês de Caravelas | Barra; Avenida Joana Angélica | Nazaré; Avenida Estados Unidos | Comércio;
                Avenida da França | Comércio
            """),
            ),
            242,
        ),
        (
            City(
                "Recife",
                "PE",
                (50000, 52999),
                _streets("""
                Avenida Boa Viagem | Boa Viagem; Avenida Conselheiro Aguiar | Boa Viagem; Avenida Engenheiro Domingos
                Ferreira | Boa Viagem; Avenida Conde da Boa Vista | Boa Vista; Avenida Agamenon Magalhães | Derby;
                Avenida Caxangá | Iputinga; Avenida Rui Barbosa | Graças; Rua da Aurora | Boa Vista; Rua do Bom Jesus |
                Recife; Avenida Rio Branco | Recife; Avenida Guararapes | Santo Antônio; Rua Real da Torre | Madalena;
                Estrada do Encanamento | Casa Forte; Avenida Dezessete de Agosto | Casa Forte; Rua Amélia | Graças; Rua
                da Hora | Espinheiro
            """),
            ),
            149,
        ),
        (
            City(
                "Fortaleza",
                "CE",
                (60000, 60999),
                _streets("""
                Avenida Beira Mar | Meireles; Avenida Santos Dumont | Aldeota; Avenida Dom Luís | Aldeota; Avenida
                Desembargador Moreira | Aldeota; Avenida Washington Soares | Edson Queiroz; Avenida Bezerra de Menezes |
                São Gerardo; Avenida da Universidade | Benfica; Avenida Treze de Maio | Fátima; Rua Barão do Rio Branco
                | Centro; Rua Major Facundo | Centro; Avenida Abolição | Meireles; Avenida Monsenhor Tabosa | Praia de
                Iracema; Avenida Engenheiro Santana Júnior | Cocó; Avenida Padre Antônio Tomás | Cocó; Rua Canuto de
                Aguiar | Varjota; Avenida Barão de Studart | Aldeota
            """),
            ),
            243,
        ),
        (
            City(
                "Brasília",
                "DF",
                (70000, 70999),
                _streets("""
                SBS Quadra 1 | Asa Sul; SCS Quadra 2 | Asa Sul; SCS Quadra 6 | Asa Sul; SCS Quadra 8 | Asa Sul; SHS
                Quadra 6 | Asa Sul; SAUS Quadra 5 | Asa Sul; SCN Quadra 1 | Asa Norte; SCN Quadra 2 | Asa Norte; SBN
                Quadra 1 | Asa Norte; SBN Quadra 2 | Asa Norte; SHN Quadra 2 | Asa Norte; SRTVS Quadra 701 | Asa Sul;
                SRTVN Quadra 702 | Asa Norte; CLS 201 | Asa Sul; CLN 104 | Asa Norte; SGAS Quadra 910 | Asa Sul
            """),
            ),
            282,
        ),
        (
            City(
                "Goiânia",
                "GO",
                (74000, 74894),
                _streets("""
                Avenida Goiás | Setor Central; Avenida Anhanguera | Setor Central; Avenida Araguaia | Setor Central;
                Avenida Tocantins | Setor Central; Avenida Paranaíba | Setor Central; Avenida República do Líbano |
                Setor Oeste; Avenida Assis Chateaubriand | Setor Oeste; Avenida T-63 | Setor Bueno; Avenida T-4 | Setor
                Bueno; Avenida T-9 | Setor Bueno; Avenida 85 | Setor Marista; Avenida Ricardo Paranhos | Setor Marista;
                Avenida Mutirão | Setor Marista; Avenida Jamel Cecílio | Jardim Goiás; Avenida 24 de Outubro | Setor
                Campinas; Avenida Castelo Branco | Setor Coimbra
            """),
            ),
            144,
        ),
        (
            City(
                "Curitiba",
                "PR",
                (80000, 82999),
                _streets("""
                Rua XV de Novembro | Centro; Rua Marechal Deodoro | Centro; Avenida Sete de Setembro | Batel; Avenida do
                Batel | Batel; Avenida Vicente Machado | Batel; Avenida Visconde de Guarapuava | Centro; Rua Comendador
                Araújo | Centro; Avenida Silva Jardim | Rebouças; Avenida República Argentina | Água Verde; Rua Padre
                Anchieta | Mercês; Avenida Manoel Ribas | Mercês; Rua Mateus Leme | Centro Cívico; Avenida Cândido de
                Abreu | Centro Cívico; Rua Augusto Stresser | Hugo Lange; Rua Itupava | Alto da XV; Avenida Marechal
                Floriano Peixoto | Rebouças; Rua Brigadeiro Franco | Centro
            """),
            ),
            177,
        ),
        (
            City(
                "Florianópolis",
                "SC",
                (88000, 88099),
                _streets("""
                Rua Felipe Schmidt | Centro; Avenida Rio Branco | Centro; Avenida Mauro Ramos | Centro; Rua Conselheiro
                Mafra | Centro; Rua Bocaiúva | Centro; Avenida Hercílio Luz | Centro; Rua Tenente Silveira | Centro;
                Avenida Madre Benvenuta | Santa Mônica; Rua Lauro Linhares | Trindade; Rua Deputado Antônio Edu Vieira |
                Pantanal; Avenida das Rendeiras | Lagoa da Conceição; Rodovia José Carlos Daux | Saco Grande; Rodovia
                Admar Gonzaga | Itacorubi; Avenida Ivo Silveira | Estreito; Rua Fúlvio Aducci | Estreito
            """),
            ),
            54,
        ),
        (
            City(
                "Porto Alegre",
                "RS",
                (90000, 91999),
                _streets("""
                Rua dos Andradas | Centro Histórico; Avenida Borges de Medeiros | Centro Histórico; Avenida Ipiranga |
                Partenon; Avenida Independência | Independência; Rua Padre Chagas | Moinhos de Vento; Avenida Goethe |
                Rio Branco; Avenida Carlos Gomes | Auxiliadora; Avenida Nilo Peçanha | Três Figueiras; Avenida Protásio
                Alves | Petrópolis; Avenida Osvaldo Aranha | Bom Fim; Avenida Assis Brasil | Passo d'Areia; Rua da
                República | Cidade Baixa; Avenida Getúlio Vargas | Menino Deus; Rua Vinte e Quatro de Outubro | Moinhos
                de Vento; Avenida Cristóvão Colombo | Floresta; Avenida Wenceslau Escobar | Tristeza
            """),
            ),
            133,
        ),
        (
            City(
                "Manaus",
                "AM",
                (69000, 69099),
                _streets("""
                Avenida Eduardo Ribeiro | Centro; Avenida Sete de Setembro | Centro; Avenida Djalma Batista | Chapada;
                Avenida Constantino Nery | Chapada; Avenida André Araújo | Aleixo; Avenida Efigênio Salles | Aleixo;
                Avenida Mário Ypiranga | Adrianópolis; Rua Recife | Adrianópolis; Rua Salvador | Adrianópolis; Rua Pará
                | Nossa Senhora das Graças; Avenida Joaquim Nabuco | Centro; Avenida Getúlio Vargas | Centro; Avenida
                Coronel Teixeira | Ponta Negra; Avenida Torquato Tapajós | Flores; Avenida Max Teixeira | Cidade Nova
            """),
            ),
            206,
        ),
        (
            City(
                "Belém",
                "PA",
                (66000, 66999),
                _streets("""
                Avenida Presidente Vargas | Campina; Avenida Nazaré | Nazaré; Avenida Magalhães Barata | São Brás;
                Avenida Almirante Barroso | Marco; Travessa Padre Eutíquio | Batista Campos; Avenida Governador José
                Malcher | Nazaré; Avenida Visconde de Souza Franco | Reduto; Avenida Conselheiro Furtado | Batista
                Campos; Rua dos Mundurucus | Batista Campos; Avenida Generalíssimo Deodoro | Nazaré; Avenida Alcindo
                Cacela | Umarizal; Rua Boaventura da Silva | Umarizal; Avenida Duque de Caxias | Marco; Travessa Dom
                Romualdo de Seixas | Umarizal; Avenida Pedro Miranda | Pedreira
            """),
            ),
            130,
        ),
    )
)
"""Cities by their number of inhabitants in ten thousands (IBGE, Censo 2022, rounded)."""


def address(bits: Bits) -> Address:
    """Draw an address; larger cities are more frequent."""
    city = CITIES.draw(bits)
    street, district = pick(bits, city.streets)
    number = 1 + bits(32) % HOUSE_NUMBER_MAX
    lowest, highest = city.post_codes
    area, suffix = lowest + bits(32) % (highest - lowest + 1), bits(32) % 900
    return Address(f"{street}, {number}", district, f"{area:05}-{suffix:03}", city.name, city.state)
